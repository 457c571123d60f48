package kernel

import (
	"fmt"
	"slices"
	"testing"
)

func TestConvEpilogue(t *testing.T) {
	shapes := []ConvShape{convCases[1], convCases[3], convCases[5], convCases[6], convCases[9], convCases[10]}
	eachBranch(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		for i, s := range shapes {
			for v := range 8 {
				checkEpilogue(t, e, s, uint64(i), v)
			}
		}
	})
}

// Large results are stored past the cache; here all are large.
func TestConvPastTheCache(t *testing.T) {
	usual := pastCache
	defer func() { pastCache = usual }()
	pastCache = 1
	shapes := []ConvShape{
		{N: 2, H: 8, W: 8, C: 32, K: 64, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: 2, H: 9, W: 7, C: 16, K: 48, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: 2, H: 9, W: 7, C: 8, K: 48, R: 3, S: 3, Stride: 2, Pad: 1},
		{N: 2, H: 9, W: 7, C: 24, K: 33, R: 1, S: 1, Stride: 1},
		{N: 2, H: 9, W: 16, C: 3, K: 32, R: 3, S: 3, Stride: 1, Pad: 1},
	}
	eachBranch(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		for i, s := range shapes {
			for shift := range 2 { // aligned and not
				checkConvAt(t, e, s, uint64(i), shift*13)
			}
		}
	})
}

// checkConvAt is checkConv with results that begin on a cache line, or shift floats after one.
func checkConvAt(t *testing.T, e *Engine, s ConvShape, seed uint64, shift int) {
	t.Helper()
	plan, err := e.NewConv(s)
	if err != nil {
		t.Fatal(err)
	}
	m, naive := newMaker(seed), naiveConv{s}
	x, w, dy := m.random(s.sizeX()), m.random(s.sizeW()), m.random(s.sizeY())
	result := func(n int) []float32 {
		m.shift = lineShift + shift
		return m.empty(n)
	}
	y, dx := result(s.sizeY()), result(s.sizeX())
	if isAligned(y) != (shift == 0) {
		t.Fatalf("result aligned: %v", isAligned(y))
	}
	plan.Forward(y, x, w, Epilogue{ReLU: true})
	plan.BackwardData(dx, dy, w)
	want := naive.forward(x, w)
	for i := range want {
		want[i] = max(want[i], 0)
	}
	nearTypical(t, fmt.Sprintf("%+v forward", s), y, want, winogradTolerance, s.taps())
	nearTypical(t, fmt.Sprintf("%+v backward by data", s), dx, naive.backwardData(dy, w), winogradTolerance, s.K)
	m.check(t)
}

func checkEpilogue(t *testing.T, e *Engine, s ConvShape, seed uint64, v int) {
	t.Helper()
	plan, err := e.NewConv(s)
	if err != nil {
		t.Fatal(err)
	}
	m := newMaker(seed)
	x, w, bias, residual := m.random(s.sizeX()), m.random(s.sizeW()), m.random(s.K), m.random(s.sizeY())
	want := naiveConv{s}.forward(x, w)
	ep := Epilogue{ReLU: v&4 != 0}
	if v&1 != 0 {
		ep.Bias = bias
	}
	if v&2 != 0 {
		ep.Residual = residual
	}
	for i := range want {
		if ep.Bias != nil {
			want[i] += float64(bias[i%s.K])
		}
		if ep.Residual != nil {
			want[i] += float64(residual[i])
		}
		if ep.ReLU {
			want[i] = max(want[i], 0)
		}
	}
	y := m.empty(s.sizeY())
	plan.Forward(y, x, w, ep)
	near(t, fmt.Sprintf("%+v %+v", s, v), y, want, winogradTolerance)
	m.check(t)
}

// TestKeptFilterIsThatOfTheLastForget runs a convolution that keeps its filter before and after the
// filter changes.
func TestKeptFilterIsThatOfTheLastForget(t *testing.T) {
	s := ConvShape{N: 1, H: 9, W: 9, C: 16, K: 20, R: 3, S: 3, Stride: 1, Pad: 1}
	eachBranch(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		plan := func() *Conv {
			c, err := e.NewConv(s)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		x, w := make([]float32, s.sizeX()), make([]float32, s.sizeW())
		for i := range x {
			x[i] = float32(i%7) - 3
		}
		keeping, plain := plan(), plan()
		if keeping.KeepFilter() == 0 {
			t.Fatal("nothing is kept for so few tiles")
		}
		want, got := make([]float32, s.sizeY()), make([]float32, s.sizeY())
		for round := range 3 {
			for i := range w {
				w[i] = float32((i+round)%5) - 2
			}
			keeping.Forget()
			for range 2 {
				keeping.Forward(got, x, w, Epilogue{})
				plain.BackwardData(x[:s.sizeX()], got, w) // overwrites the shared scratch
				plain.Forward(want, x, w, Epilogue{})
				keeping.Forward(got, x, w, Epilogue{})
				if !slices.Equal(got, want) {
					t.Fatalf("round %d: the kept filter gives another result", round)
				}
			}
		}
	})
}
