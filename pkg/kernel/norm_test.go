package kernel

import (
	"fmt"
	"math"
	"testing"
)

// naiveNorm is batch normalisation with its gradient, in float64.
type naiveNorm struct {
	s              NormShape
	mean, variance []float64
	y, dx, g       []float64
	dgamma, dbeta  []float64
}

func newNaiveNorm(s NormShape, x, residual, gamma, beta []float32) *naiveNorm {
	n := &naiveNorm{s: s, mean: make([]float64, s.C), variance: make([]float64, s.C), y: make([]float64, s.Rows*s.C)}
	for i := range n.y {
		n.mean[i%s.C] += float64(x[i]) / float64(s.Rows)
	}
	for i := range n.y {
		d := float64(x[i]) - n.mean[i%s.C]
		n.variance[i%s.C] += d * d / float64(s.Rows)
	}
	n.apply(x, residual, gamma, beta)
	return n
}

func (n *naiveNorm) inv(c int) float64 { return 1 / math.Sqrt(n.variance[c]+float64(n.s.Eps)) }

func (n *naiveNorm) apply(x, residual, gamma, beta []float32) {
	for i := range n.y {
		c := i % n.s.C
		n.y[i] = float64(gamma[c])*(float64(x[i])-n.mean[c])*n.inv(c) + float64(beta[c])
		if residual != nil {
			n.y[i] += float64(residual[i])
		}
		if n.s.ReLU {
			n.y[i] = max(n.y[i], 0)
		}
	}
}

func (n *naiveNorm) backward(dy, y, x, gamma []float32) {
	rows, c := float64(n.s.Rows), n.s.C
	n.dx, n.g = make([]float64, len(dy)), wide(dy)
	n.dgamma, n.dbeta = make([]float64, c), make([]float64, c)
	for i := range n.g {
		if n.s.ReLU && y[i] <= 0 {
			n.g[i] = 0
		}
		n.dbeta[i%c] += n.g[i]
		n.dgamma[i%c] += n.g[i] * (float64(x[i]) - n.mean[i%c]) * n.inv(i%c)
	}
	for i := range n.dx {
		j := i % c
		hat := (float64(x[i]) - n.mean[j]) * n.inv(j)
		n.dx[i] = float64(gamma[j]) * n.inv(j) * (n.g[i] - n.dbeta[j]/rows - hat*n.dgamma[j]/rows)
	}
}

func checkNorm(t *testing.T, e *Engine, s NormShape, withResidual bool) {
	t.Helper()
	m := newMaker(uint64(s.Rows*1000 + s.C))
	n := s.Rows * s.C
	x, gamma, beta, dy := m.random(n), m.random(s.C), m.random(s.C), m.random(n)
	for i := range x {
		x[i] = 3*x[i] + 10*float32(i%s.C%3) // columns far from zero
	}
	var residual, dresidual []float32
	if withResidual {
		residual, dresidual = m.random(n), m.empty(n)
	}
	y, dx := m.empty(n), m.empty(n)
	mean, variance, inv, dgamma, dbeta := m.empty(s.C), m.empty(s.C), m.empty(s.C), m.empty(s.C), m.empty(s.C)
	e.BatchNormForward(s, y, x, residual, gamma, beta, mean, variance, inv)
	want := newNaiveNorm(s, x, residual, gamma, beta)
	near(t, "mean", mean, want.mean, 1e-6)
	near(t, "variance", variance, want.variance, 1e-5)
	near(t, "y", y, want.y, 2e-6)

	e.BatchNormBackward(s, dx, dresidual, dgamma, dbeta, dy, y, x, gamma, mean, inv)
	want.backward(dy, y, x, gamma)
	near(t, "dx", dx, want.dx, 1e-5)
	near(t, "dgamma", dgamma, want.dgamma, 1e-5)
	near(t, "dbeta", dbeta, want.dbeta, 1e-5)
	if withResidual {
		near(t, "dresidual", dresidual, want.g, 0)
	}

	again := m.empty(n)
	e.BatchNormInference(s, again, x, residual, gamma, beta, mean, variance)
	near(t, "inference", again, want.y, 1e-5)
	m.check(t)
}

func TestBatchNorm(t *testing.T) {
	sizes := [][2]int{{9, 1}, {7, 3}, {64, 16}, {100, 33}, {1030, 64}, {33, 129}, {513, 20}, {3000, 5}}
	eachBranch(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		for _, n := range sizes {
			for v := range 4 {
				s := NormShape{Rows: n[0], C: n[1], Eps: 1e-5, ReLU: v&1 != 0}
				t.Run(fmt.Sprintf("%dx%d/%d", n[0], n[1], v), func(t *testing.T) { checkNorm(t, e, s, v&2 != 0) })
			}
		}
	})
}

func TestBatchNormSameBitsForAnyThreads(t *testing.T) {
	s := NormShape{Rows: 5000, C: 24, Eps: 1e-5, ReLU: true}
	m := newMaker(5)
	n := s.Rows * s.C
	x, gamma, beta, dy := m.random(n), m.random(s.C), m.random(s.C), m.random(n)
	threadsAgree(t, func(e *Engine) []float32 {
		y, dx, small := make([]float32, n), make([]float32, n), make([]float32, 5*s.C)
		col := func(i int) []float32 { return small[i*s.C:][:s.C] }
		e.BatchNormForward(s, y, x, nil, gamma, beta, col(0), col(1), col(2))
		e.BatchNormBackward(s, dx, nil, col(3), col(4), dy, y, x, gamma, col(0), col(2))
		return append(append(y, dx...), small...)
	})
}

// Results that are large are stored past the cache where their lines are whole; here all are large.
func TestBatchNormPastTheCache(t *testing.T) {
	usual := pastCache
	defer func() { pastCache = usual }()
	eachBranch(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		for v := range 16 {
			m := newMaker(uint64(v))
			s := NormShape{Rows: 700, C: 48 - v>>3, Eps: 1e-5, ReLU: v&1 != 0}
			n := s.Rows * s.C
			x, gamma, beta, dy := m.random(n), m.random(s.C), m.random(s.C), m.random(n)
			var residual []float32
			if v&2 != 0 {
				residual = m.random(n)
			}
			shift := lineShift + v>>2&1*9
			results := func() [][]float32 {
				var all [][]float32
				for range 3 {
					m.shift = shift
					all = append(all, m.empty(n))
				}
				y, dx, dresidual, small := all[0], all[1], all[2], make([]float32, 5*s.C)
				col := func(i int) []float32 { return small[i*s.C:][:s.C] }
				if residual == nil {
					dresidual = nil
				}
				e.BatchNormForward(s, y, x, residual, gamma, beta, col(0), col(1), col(2))
				e.BatchNormBackward(s, dx, dresidual, col(3), col(4), dy, y, x, gamma, col(0), col(2))
				sum := append([]float32(nil), dx...)
				e.Add(dx, dx, y)
				return append(all, sum)
			}
			pastCache = usual
			want := results()
			pastCache = 1
			for i, got := range results() {
				sameBits(t, fmt.Sprintf("case %d result %d", v, i), got, want[i])
			}
			m.check(t)
		}
	})
}
