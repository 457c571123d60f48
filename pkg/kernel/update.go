package kernel

import "math"

// SGDStep are the settings of one update by SGD.
type SGDStep struct {
	LR, Momentum, WeightDecay float32
	Nesterov                  bool
	Scale                     float32 // of the gradient: 1 leaves it as it is
}

// SGD updates parameters p and momenta v by gradients g in one pass, as torch.optim.SGD does:
//
//	d = scale·g + weightDecay·p;  v = momentum·v + d;  p −= lr·(v, or d + momentum·v with nesterov)
//
// v that starts at zero is torch's first step, v = d.
func (e *Engine) SGD(p, v, g []float32, s SGDStep) {
	v, g = v[:len(p)], g[:len(p)]
	e.elementwise(len(p), func(lo, hi int) { e.k.sgd(p[lo:hi], v[lo:hi], g[lo:hi], &s) })
}

// AdamWStep are the settings of one update by AdamW.
type AdamWStep struct {
	LR, WeightDecay   float64
	Beta1, Beta2, Eps float64
	Scale             float64 // of the gradient: 1 leaves it as it is
	Count             int     // updates with this one, t ≥ 1
}

// adamWStep is an AdamWStep as the inner loop wants it.
type adamWStep struct{ lr, decay, weight1, weight2, eps, scale float32 }

// AdamW updates parameters p and the moments m and v by gradients g in one pass, as
// torch.optim.AdamW does (Loshchilov & Hutter 2019, Algorithm 2, with the decay times lr):
//
//	d = scale·g;  m = β1·m + (1−β1)·d;  v = β2·v + (1−β2)·d²
//	p −= lr·weightDecay·p;  p −= lr·m̂/(√v̂ + ε),  m̂ = m/(1−β1ᵗ),  v̂ = v/(1−β2ᵗ)
//
// The corrections are taken out of the loop: lr·√(1−β2ᵗ)/(1−β1ᵗ) · m/(√v + ε·√(1−β2ᵗ)).
func (e *Engine) AdamW(p, m, v, g []float32, s AdamWStep) {
	m, v, g = m[:len(p)], v[:len(p)], g[:len(p)]
	correction1 := 1 - math.Pow(s.Beta1, float64(s.Count))
	correction2 := math.Sqrt(1 - math.Pow(s.Beta2, float64(s.Count)))
	step := &adamWStep{
		lr: float32(s.LR * correction2 / correction1), decay: float32(s.LR * s.WeightDecay),
		weight1: float32(1 - s.Beta1), weight2: float32(1 - s.Beta2),
		eps: float32(s.Eps * correction2), scale: float32(s.Scale),
	}
	e.elementwise(len(p), func(lo, hi int) { e.k.adamW(p[lo:hi], m[lo:hi], v[lo:hi], g[lo:hi], step) })
}
