package optim

import (
	"math"
	"math/rand/v2"
	"testing"

	"supcon/pkg/internal/numtest"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// naive is a parameter in float64 with what an optimiser keeps for it.
type naive struct {
	p, g, m, v []float64
	decay      bool
}

func length(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}

// naiveStep is update t (from 1) of all parameters, as the papers write it.
func naiveStep(c Config, all []*naive, lr float64, t int) {
	total := 0.0
	for _, n := range all {
		total += math.Pow(length(n.g), 2)
	}
	factor := 1.0
	if c.ClipNorm > 0 {
		factor = min(1, c.ClipNorm/(math.Sqrt(total)+1e-6))
	}
	for _, n := range all {
		rate, decay := lr, c.WeightDecay
		if !n.decay {
			rate *= c.BiasLR
		}
		if !n.decay && !c.DecayAll {
			decay = 0
		}
		g := make([]float64, len(n.g))
		for i := range g {
			g[i] = factor * n.g[i]
		}
		if c.Name == "adamw" {
			n.adamW(c, g, rate, decay, float64(t))
		} else {
			n.momentum(c, g, rate, decay)
		}
	}
}

func (n *naive) momentum(c Config, g []float64, lr, decay float64) {
	local := 1.0
	if c.Name == "lars" && decay != 0 {
		local = c.Trust * length(n.p) / (length(g) + decay*length(n.p) + c.Eps)
	}
	for i := range g {
		d := local * (g[i] + decay*n.p[i])
		n.m[i] = c.Momentum*n.m[i] + d
		if c.Nesterov {
			d += c.Momentum * n.m[i]
		} else {
			d = n.m[i]
		}
		n.p[i] -= lr * d
	}
}

func (n *naive) adamW(c Config, g []float64, lr, decay, t float64) {
	for i := range g {
		n.p[i] *= 1 - lr*decay
		n.m[i] = c.Beta1*n.m[i] + (1-c.Beta1)*g[i]
		n.v[i] = c.Beta2*n.v[i] + (1-c.Beta2)*g[i]*g[i]
		mean, square := n.m[i]/(1-math.Pow(c.Beta1, t)), n.v[i]/(1-math.Pow(c.Beta2, t))
		n.p[i] -= lr * mean / (math.Sqrt(square) + c.Eps)
	}
}

// Every optimiser with every setting at once: clipping, groups, a changing rate,
// parameters longer than what one task takes.
func TestSolversAgreeWithTheNaiveForm(t *testing.T) {
	for _, name := range Names() {
		for _, e := range engines(t) {
			for _, all := range []bool{false, true} {
				c := Defaults(name)
				c.Nesterov, c.WeightDecay, c.DecayAll, c.BiasLR, c.ClipNorm, c.Trust = all, 0.05, all, 3, 20, 0.02
				rng := rand.New(rand.NewPCG(1, 2))
				var want []*naive
				var params []Parameter
				var grads []G.ValueGrad
				for i, size := range []int{1, 33, 40001} {
					n := &naive{make([]float64, size), make([]float64, size), make([]float64, size), make([]float64, size), i > 0}
					p := &parameter{string(rune('a' + i)), tensor.New(tensor.WithShape(size), tensor.Of(tensor.Float32)), tensor.New(tensor.WithShape(size), tensor.Of(tensor.Float32)), i > 0}
					fill(rng, n.p, p.floats())
					want, params, grads = append(want, n), append(params, p), append(grads, p)
				}
				s, err := New(e, c, params)
				if err != nil {
					t.Fatal(err)
				}
				for step := range 4 {
					for i, n := range want {
						fill(rng, n.g, params[i].(*parameter).grad.Data().([]float32))
					}
					lr := 0.1 / float64(step+1)
					naiveStep(c, want, lr, step+1)
					s.SetLearningRate(lr)
					if err := s.Step(grads); err != nil {
						t.Fatal(err)
					}
				}
				for i, n := range want {
					numtest.Close(t, name+" on "+string(e.Branch())+" "+params[i].Name(), params[i].(*parameter).floats(), n.p, numtest.Tolerance{Relative: 2e-6})
				}
			}
		}
	}
}

// fill draws values that both precisions hold.
func fill(rng *rand.Rand, wide []float64, narrow []float32) {
	for i := range wide {
		narrow[i] = float32(rng.NormFloat64())
		wide[i] = float64(narrow[i])
	}
}
