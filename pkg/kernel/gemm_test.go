package kernel

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func naiveGemm(s GemmShape, c []float64, a, b []float32) []float64 {
	for m := range s.M {
		for n := range s.N {
			var sum float64
			for k := range s.K {
				i, j := m*s.K+k, k*s.N+n
				if s.TransA {
					i = k*s.M + m
				}
				if s.TransB {
					j = n*s.K + k
				}
				sum += float64(a[i]) * float64(b[j])
			}
			if s.Accumulate {
				sum += c[m*s.N+n]
			}
			c[m*s.N+n] = sum
		}
	}
	return c
}

func checkGemm(t *testing.T, e *Engine, s GemmShape, seed uint64) {
	t.Helper()
	m := newMaker(seed)
	a, b, c := m.random(s.M*s.K), m.random(s.K*s.N), m.empty(s.M*s.N)
	if s.Accumulate {
		copy(c, m.random(s.M*s.N))
	}
	want := naiveGemm(s, wide(c), a, b)
	e.Gemm(s, c, a, b)
	nearTypical(t, fmt.Sprintf("%+v", s), c, want, 1e-6, s.K)
	m.check(t)
}

func TestGemmShapes(t *testing.T) {
	sizes := [][3]int{{1, 1, 1}, {3, 5, 7}, {14, 32, 64}, {15, 33, 65}, {29, 47, 27}, {2, 10, 513}, {113, 129, 40}, {64, 1100, 9}, {6, 16, 1025}}
	eachBranch(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		for _, n := range sizes {
			for v := range 8 {
				s := GemmShape{M: n[0], N: n[1], K: n[2], TransA: v&1 != 0, TransB: v&2 != 0, Accumulate: v&4 != 0}
				checkGemm(t, e, s, uint64(v))
			}
		}
	})
}

func TestGemmEveryTile(t *testing.T) {
	eachBranch(t, Options{Threads: 1}, func(t *testing.T, e *Engine) {
		for rows := 1; rows <= e.k.mr+1; rows++ {
			for cols := 1; cols <= e.k.nr+1; cols++ {
				checkGemm(t, e, GemmShape{M: rows, N: cols, K: 11, TransA: cols%2 == 0, Accumulate: rows%2 == 0}, uint64(rows))
			}
		}
	})
}

func TestGemmFuzzed(t *testing.T) {
	eachBranch(t, Options{Threads: 3}, func(t *testing.T, e *Engine) {
		rapid.Check(t, func(r *rapid.T) {
			size := rapid.IntRange(1, 150)
			s := GemmShape{
				M: size.Draw(r, "M"), N: size.Draw(r, "N"), K: size.Draw(r, "K"),
				TransA: rapid.Bool().Draw(r, "transA"), TransB: rapid.Bool().Draw(r, "transB"), Accumulate: rapid.Bool().Draw(r, "accumulate"),
			}
			checkGemm(t, e, s, rapid.Uint64().Draw(r, "seed"))
		})
	})
}

func TestGemmWithoutDepthClearsOrKeeps(t *testing.T) {
	eachBranch(t, Options{Threads: 1}, func(t *testing.T, e *Engine) {
		c := []float32{1, 2, 3, 4}
		e.Gemm(GemmShape{M: 2, N: 2, Accumulate: true}, c, nil, nil)
		sameBits(t, "accumulated", c, []float32{1, 2, 3, 4})
		e.Gemm(GemmShape{M: 2, N: 2}, c, nil, nil)
		sameBits(t, "overwritten", c, make([]float32, 4))
	})
}

func TestGemmSameBitsForAnyThreads(t *testing.T) {
	s := GemmShape{M: 230, N: 310, K: 700}
	m := newMaker(3)
	a, b := m.random(s.M*s.K), m.random(s.K*s.N)
	threadsAgree(t, func(e *Engine) []float32 {
		c := make([]float32, s.M*s.N)
		e.Gemm(s, c, a, b)
		return c
	})
}
