package kernel

import (
	"math"
	"testing"
)

func TestSGD(t *testing.T) {
	const lr, momentum, decay = 0.05, 0.9, 1e-2
	eachBranch(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		for i, n := range lengths {
			m := newMaker(uint64(n))
			nesterov, scale := i%2 == 0, 1-float64(i%3)/4
			p, v, g := m.random(n), m.random(n), m.random(n)
			wantP, wantV := wide(p), wide(v)
			for i := range p {
				d := scale*float64(g[i]) + decay*wantP[i]
				wantV[i] = momentum*wantV[i] + d
				if nesterov {
					d += momentum * wantV[i]
				} else {
					d = wantV[i]
				}
				wantP[i] -= lr * d
			}
			e.SGD(p, v, g, SGDStep{LR: lr, Momentum: momentum, WeightDecay: decay, Nesterov: nesterov, Scale: float32(scale)})
			near(t, "parameters", p, wantP, 1e-6)
			near(t, "momenta", v, wantV, 1e-6)
			m.check(t)
		}
	})
}

func TestAdamW(t *testing.T) {
	steps := []AdamWStep{
		{LR: 1e-3, WeightDecay: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Scale: 1, Count: 1},
		{LR: 0.1, WeightDecay: 0.5, Beta1: 0.9, Beta2: 0.95, Eps: 1e-3, Scale: 0.25, Count: 7},
		{LR: 0.01, Beta1: 0, Beta2: 0, Eps: 1e-8, Scale: 1, Count: 2},
		{LR: 1, Beta1: 0.99, Beta2: 0.9999, Eps: 1e-8, Scale: 1e-3, Count: 1 << 24},
	}
	eachBranch(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		for i, n := range lengths {
			maker, s := newMaker(uint64(n)), steps[i%len(steps)]
			p, m, v, g := maker.random(n), maker.random(n), maker.random(n), maker.random(n)
			for i := range v {
				v[i] *= v[i]
			}
			clear(g[:n/3]) // parameters that the loss does not see
			clear(m[:n/4])
			clear(v[:n/4])
			wantP, wantM, wantV := wide(p), wide(m), wide(v)
			naiveAdamW(s, wantP, wantM, wantV, g)
			e.AdamW(p, m, v, g, s)
			near(t, "parameters", p, wantP, 1e-6)
			near(t, "first moments", m, wantM, 1e-6)
			near(t, "second moments", v, wantV, 1e-6)
			maker.check(t)
		}
	})
}

// naiveAdamW is the update as the paper writes it.
func naiveAdamW(s AdamWStep, p, m, v []float64, g []float32) {
	t := float64(s.Count)
	for i := range p {
		d := s.Scale * float64(g[i])
		m[i] = s.Beta1*m[i] + (1-s.Beta1)*d
		v[i] = s.Beta2*v[i] + (1-s.Beta2)*d*d
		mean, square := m[i]/(1-math.Pow(s.Beta1, t)), v[i]/(1-math.Pow(s.Beta2, t))
		p[i] -= s.LR * (mean/(math.Sqrt(square)+s.Eps) + s.WeightDecay*p[i])
	}
}

func TestUpdatesTakeTheSameBitsOnAnyThreads(t *testing.T) {
	m := newMaker(5)
	p, a, b, g := m.random(50001), m.random(50001), m.random(50001), m.random(50001)
	for i := range b {
		b[i] *= b[i]
	}
	threadsAgree(t, func(e *Engine) []float32 {
		p, a, b := append([]float32{}, p...), append([]float32{}, a...), append([]float32{}, b...)
		e.AdamW(p, a, b, g, AdamWStep{LR: 0.1, WeightDecay: 0.1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Scale: 1, Count: 3})
		e.SGD(p, a, g, SGDStep{LR: 0.1, Momentum: 0.9, WeightDecay: 0.1, Scale: 0.5})
		return append(append(p, a...), b...)
	})
}
