package kernel

import (
	"fmt"
	"testing"
)

// packedProduct runs one product through GemmPacked with gaps between rows of A and C, and compares.
func packedProduct(t *testing.T, e *Engine, s GemmShape) {
	t.Helper()
	const gap = 5
	m := newMaker(uint64(s.M + 10*s.N + 100*s.K))
	a, b := m.random(s.M*s.K), m.random(s.K*s.N)
	long, short := s.M, s.K
	if s.TransA {
		long, short = s.K, s.M
	}
	p := PackedShape{M: s.M, N: s.N, K: s.K, TransA: s.TransA, Accumulate: s.Accumulate, Lda: short + gap, Ldc: s.N + gap}
	apart, c := m.empty((long-1)*p.Lda+short), m.random((s.M-1)*p.Ldc+s.N)
	for i := range long {
		copy(apart[i*p.Lda:], a[i*short:][:short])
	}
	whole, tight := append([]float32(nil), c...), make([]float32, s.M*s.N)
	for i := range s.M {
		copy(tight[i*s.N:][:s.N], c[i*p.Ldc:])
	}
	want := naiveGemm(s, wide(tight), a, b)
	packed := m.empty(e.PackedLen(s.K, s.N))
	onThread(e, 0, func(t Thread) {
		t.Pack(packed, b, s.K, s.N, s.TransB)
		t.GemmPacked(p, c, apart, packed)
	})
	for i := range s.M {
		copy(tight[i*s.N:][:s.N], c[i*p.Ldc:])
		copy(c[i*p.Ldc:][:s.N], whole[i*p.Ldc:])
	}
	nearTypical(t, fmt.Sprintf("%+v", s), tight, want, 1e-6, s.K)
	sameBits(t, "between the rows of C", c, whole)
	m.check(t)
}

func TestGemmPacked(t *testing.T) {
	eachBranch(t, Options{Threads: 1}, func(t *testing.T, e *Engine) {
		for _, n := range [][3]int{{1, 1, 1}, {3, 5, 7}, {14, 32, 64}, {15, 33, 65}, {29, 47, 27}, {64, 100, 9}, {2, 16, 600}} {
			for v := range 8 {
				packedProduct(t, e, GemmShape{M: n[0], N: n[1], K: n[2], TransA: v&1 != 0, TransB: v&2 != 0, Accumulate: v&4 != 0})
			}
		}
	})
}

func TestLoopGivesEachThreadItsScratch(t *testing.T) {
	e, err := New(Options{Threads: 3})
	if err != nil {
		t.Fatal(err)
	}
	const n, floats = 200, 1 << 20
	wrong := make([]bool, n)
	l := e.NewLoop(func(t Thread, i int) {
		s := t.Scratch(floats)
		for k := range s[:500] {
			s[k] = float32(i)
		}
		s[floats-1] = float32(i)
		for _, v := range s[:500] {
			wrong[i] = wrong[i] || v != float32(i)
		}
		wrong[i] = wrong[i] || s[floats-1] != float32(i)
	})
	l.Run(n, floats)
	for i, w := range wrong {
		if w {
			t.Errorf("task %d found another's floats in its scratch", i)
		}
	}
	if allocated := testing.AllocsPerRun(10, func() { l.Run(n, floats) }); allocated > 4 {
		t.Errorf("a loop allocates %v times", allocated)
	}
}
