package kernel

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// convCases are odd in every way that a kernel can trip over.
var convCases = []ConvShape{
	{N: 1, H: 1, W: 1, C: 1, K: 1, R: 1, S: 1, Stride: 1},
	{N: 2, H: 5, W: 7, C: 3, K: 5, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 2, H: 9, W: 8, C: 3, K: 33, R: 7, S: 7, Stride: 2, Pad: 3},
	{N: 3, H: 8, W: 8, C: 16, K: 32, R: 3, S: 3, Stride: 2, Pad: 1},
	{N: 2, H: 7, W: 7, C: 17, K: 35, R: 3, S: 3, Stride: 2, Pad: 1},
	{N: 2, H: 7, W: 7, C: 32, K: 32, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 1, H: 14, W: 14, C: 33, K: 31, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 2, H: 6, W: 9, C: 8, K: 9, R: 3, S: 3, Stride: 1},
	{N: 2, H: 8, W: 8, C: 20, K: 48, R: 1, S: 1, Stride: 1},
	{N: 2, H: 9, W: 7, C: 20, K: 40, R: 1, S: 1, Stride: 2},
	{N: 2, H: 4, W: 4, C: 64, K: 64, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 1, H: 12, W: 11, C: 4, K: 6, R: 5, S: 3, Stride: 3, Pad: 2},
	{N: 3, H: 2, W: 2, C: 16, K: 16, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 3, H: 2, W: 2, C: 16, K: 16, R: 3, S: 3, Stride: 2, Pad: 1},
	{N: 1, H: 5, W: 15, C: 256, K: 8, R: 1, S: 1, Stride: 2},
	{N: 1, H: 34, W: 30, C: 6, K: 40, R: 3, S: 3, Stride: 1, Pad: 1},
}

// tolerances of the two ways to convolve: see TestConvErrorAtLayerSizes for real sizes.
const (
	directTolerance   = 1e-6
	winogradTolerance = 5e-6
)

func checkConv(t *testing.T, e *Engine, s ConvShape, seed uint64) {
	t.Helper()
	tol := winogradTolerance
	if e.direct {
		tol = directTolerance
	}
	name := fmt.Sprintf("%+v", s)
	plan, err := e.NewConv(s)
	if err != nil {
		t.Fatal(err)
	}
	m, naive := newMaker(seed), naiveConv{s}
	x, w, dy := m.random(s.sizeX()), m.random(s.sizeW()), m.random(s.sizeY())
	y, dx, dw := m.empty(s.sizeY()), m.empty(s.sizeX()), m.empty(s.sizeW())
	plan.Forward(y, x, w, Epilogue{})
	nearTypical(t, name+" forward", y, naive.forward(x, w), tol, s.taps())
	plan.BackwardData(dx, dy, w)
	nearTypical(t, name+" backward by data", dx, naive.backwardData(dy, w), tol, s.K)
	plan.BackwardFilter(dw, x, dy)
	nearTypical(t, name+" backward by filter", dw, naive.backwardFilter(x, dy), tol, 1)
	m.check(t)
}

func TestConvShapes(t *testing.T) {
	for _, conv := range []string{"auto", "direct"} {
		t.Run(conv, func(t *testing.T) {
			eachBranch(t, Options{Threads: 2, Conv: conv}, func(t *testing.T, e *Engine) {
				for i, s := range convCases {
					checkConv(t, e, s, uint64(i))
				}
			})
		})
	}
}

func TestConvFuzzed(t *testing.T) {
	for _, conv := range []string{"auto", "direct"} {
		t.Run(conv, func(t *testing.T) {
			eachBranch(t, Options{Threads: 3, Conv: conv}, func(t *testing.T, e *Engine) {
				rapid.Check(t, func(r *rapid.T) { checkConv(t, e, drawConv(r), rapid.Uint64().Draw(r, "seed")) })
			})
		})
	}
}

// drawConv draws a small valid shape; half of them are the 3×3 kind that Winograd takes.
func drawConv(r *rapid.T) ConvShape {
	image, channels := rapid.IntRange(1, 13), rapid.IntRange(1, 37)
	s := ConvShape{
		N: rapid.IntRange(1, 3).Draw(r, "N"), H: image.Draw(r, "H"), W: image.Draw(r, "W"),
		C: channels.Draw(r, "C"), K: channels.Draw(r, "K"), R: 3, S: 3, Stride: 1, Pad: rapid.IntRange(0, 2).Draw(r, "Pad"),
	}
	if rapid.Bool().Draw(r, "general") {
		s.R, s.S = rapid.IntRange(1, 5).Draw(r, "R"), rapid.IntRange(1, 5).Draw(r, "S")
		s.Stride = rapid.IntRange(1, 3).Draw(r, "Stride")
		s.Pad = min(s.Pad, s.R-1, s.S-1)
	}
	s.H, s.W = max(s.H, s.R-2*s.Pad), max(s.W, s.S-2*s.Pad)
	return s
}

func TestConvSameBitsForAnyThreads(t *testing.T) {
	shapes := []ConvShape{
		{N: 9, H: 17, W: 15, C: 35, K: 33, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: 9, H: 16, W: 16, C: 20, K: 40, R: 3, S: 3, Stride: 2, Pad: 1},
		{N: 4, H: 16, W: 16, C: 40, K: 24, R: 1, S: 1, Stride: 1},
	}
	for _, s := range shapes {
		m := newMaker(9)
		x, w, dy := m.random(s.sizeX()), m.random(s.sizeW()), m.random(s.sizeY())
		threadsAgree(t, func(e *Engine) []float32 {
			plan, err := e.NewConv(s)
			if err != nil {
				t.Fatal(err)
			}
			y, dx, dw := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w))
			plan.Forward(y, x, w, Epilogue{})
			plan.BackwardData(dx, dy, w)
			plan.BackwardFilter(dw, x, dy)
			return append(append(y, dx...), dw...)
		})
	}
}

func TestConvCheckNamesWhatIsWrong(t *testing.T) {
	good := ConvShape{N: 1, H: 4, W: 4, C: 1, K: 1, R: 3, S: 3, Stride: 1, Pad: 1}
	bad := map[string]func(s *ConvShape){
		"no images":     func(s *ConvShape) { s.N = 0 },
		"no stride":     func(s *ConvShape) { s.Stride = 0 },
		"wide padding":  func(s *ConvShape) { s.Pad = 3 },
		"large filter":  func(s *ConvShape) { s.R, s.Pad = 9, 0 },
		"negative size": func(s *ConvShape) { s.C = -1 },
	}
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.NewConv(good); err != nil {
		t.Errorf("a good shape: %v", err)
	}
	for name, spoil := range bad {
		s := good
		spoil(&s)
		if _, err := e.NewConv(s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
