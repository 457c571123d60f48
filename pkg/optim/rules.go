package optim

import (
	"math"

	"supcon/pkg/kernel"
)

// rule is the formula of one optimiser.
type rule interface {
	// arrays names what the rule keeps for each parameter, as PyTorch does.
	arrays() []string
	// counts tells whether terms.count matters, and so has to be kept.
	counts() bool
	// measures tells whether terms.square is looked at.
	measures() bool
	// update changes p and the arrays by the gradient g in one pass.
	update(e *kernel.Engine, t terms, p, g []float32, arrays []State)
}

// terms are what an update of one parameter goes by, besides its gradient.
type terms struct {
	lr, decay float64 // η and λ of the parameter's group
	scale     float64 // of the gradient: below 1 when it is clipped
	square    float64 // ‖g‖² before the scale
	count     int     // updates with this one
}

// newRule returns the rule of a checked configuration.
func newRule(c Config) rule {
	s := sgd{float32(c.Momentum), c.Nesterov}
	switch c.Name {
	case "adamw":
		return adamW{c.Beta1, c.Beta2, c.Eps}
	case "lars":
		return lars{s, c.Trust, c.Eps}
	}
	return s
}

// sgd is stochastic gradient descent as in PyTorch:
//
//	g ← g + λp
//	v ← μv + g
//	p ← p − lr·v, or p − lr·(g + μv) with Nesterov
//
// The learning rate is applied after the buffer, so that a schedule does not
// rescale it. The buffer starts at zero, which equals PyTorch's first step v = g.
type sgd struct {
	momentum float32
	nesterov bool
}

func (sgd) arrays() []string { return []string{"momentum_buffer"} }
func (sgd) counts() bool     { return false }
func (sgd) measures() bool   { return false }

func (s sgd) update(e *kernel.Engine, t terms, p, g []float32, arrays []State) {
	e.SGD(p, arrays[0].Data, g, kernel.SGDStep{
		LR: float32(t.lr), Momentum: s.momentum, WeightDecay: float32(t.decay), Nesterov: s.nesterov, Scale: float32(t.scale),
	})
}

// lars is sgd whose gradient is rescaled by the parameter's norm (You, Gitman &
// Ginsburg 2017, as lightly has it):
//
//	g ← (g + λp) · trust·‖p‖/(‖g‖ + λ‖p‖ + ε)
//
// A group without decay, and a parameter with ‖p‖ or ‖g‖ of 0, is left to sgd
// without decay.
type lars struct {
	sgd
	trust, eps float64
}

func (lars) measures() bool { return true }

func (l lars) update(e *kernel.Engine, t terms, p, g []float32, arrays []State) {
	if t.decay != 0 {
		t.scale, t.decay = l.rescaled(t, math.Sqrt(e.Norm2(p)))
	}
	l.sgd.update(e, t, p, g, arrays)
}

// rescaled returns the factors on the gradient and on p for ‖p‖ = norm.
func (l lars) rescaled(t terms, norm float64) (scale, decay float64) {
	g := t.scale * math.Sqrt(t.square)
	if norm == 0 || g == 0 {
		return t.scale, 0
	}
	rate := l.trust * norm / (g + t.decay*norm + l.eps)
	return t.scale * rate, t.decay * rate
}

// adamW is Adam with decoupled weight decay (Loshchilov & Hutter 2019) as in
// PyTorch; kernel.Engine.AdamW has the formula.
type adamW struct{ beta1, beta2, eps float64 }

func (adamW) arrays() []string { return []string{"exp_avg", "exp_avg_sq"} }
func (adamW) counts() bool     { return true }
func (adamW) measures() bool   { return false }

func (a adamW) update(e *kernel.Engine, t terms, p, g []float32, arrays []State) {
	e.AdamW(p, arrays[0].Data, arrays[1].Data, g, kernel.AdamWStep{
		LR: t.lr, WeightDecay: t.decay, Beta1: a.beta1, Beta2: a.beta2, Eps: a.eps, Scale: t.scale, Count: t.count,
	})
}
