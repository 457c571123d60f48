package kernel

import (
	"fmt"
	"testing"
)

// The bars for real layers, in relative L2 error.
const (
	winogradLayerBar = 5e-6
	directLayerBar   = 1e-6
)

// TestConvErrorAtLayerSizes holds the numerical error of both ways at the sizes of real layers, where
// sums are long.
func TestConvErrorAtLayerSizes(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("convolves whole layers in float64, which shows no races")
	}
	shapes := []ConvShape{
		{N: 2, H: 32, W: 32, C: 64, K: 64, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: 1, H: 8, W: 8, C: 256, K: 256, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: 1, H: 4, W: 4, C: 512, K: 512, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: 1, H: 32, W: 32, C: 64, K: 128, R: 3, S: 3, Stride: 2, Pad: 1},
	}
	for _, s := range shapes {
		m, naive := newMaker(1), naiveConv{s}
		x, w, dy := m.random(s.sizeX()), m.random(s.sizeW()), m.random(s.sizeY())
		for i := range x {
			x[i] = max(x[i], 0) // as after a ReLU: sums do not cancel
		}
		want := [3][]float64{naive.forward(x, w), naive.backwardData(dy, w), naive.backwardFilter(x, dy)}
		for _, conv := range []string{"auto", "direct"} {
			eachBranch(t, Options{Conv: conv}, func(t *testing.T, e *Engine) { checkLayerError(t, e, s, x, w, dy, want) })
		}
	}
}

func checkLayerError(t *testing.T, e *Engine, s ConvShape, x, w, dy []float32, want [3][]float64) {
	t.Helper()
	plan, err := e.NewConv(s)
	if err != nil {
		t.Fatal(err)
	}
	bar := directLayerBar
	if plan.tile != nil {
		bar = winogradLayerBar
	}
	y, dx, dw := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w))
	plan.Forward(y, x, w, Epilogue{})
	plan.BackwardData(dx, dy, w)
	plan.BackwardFilter(dw, x, dy)
	for i, got := range [][]float32{y, dx, dw} {
		name := [...]string{"forward", "backward by data", "backward by filter"}[i]
		t.Logf("%d→%d@%d stride %d %s: relative L2 error %.2g", s.C, s.K, s.H, s.Stride, name, relError(got, want[i]))
		near(t, fmt.Sprintf("%+v %s", s, name), got, want[i], bar)
	}
}
