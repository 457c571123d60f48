package numtest

import (
	"math"
	"testing"
)

// Number is what the measures compare.
type Number interface{ ~float32 | ~float64 }

// RelError returns the largest |got − want| as a share of the largest |want|.
// Where want is zero throughout it is the largest |got|.
func RelError[A, B Number](got []A, want []B) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var diff, scale float64
	for i := range want {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		diff, scale = max(diff, d), max(scale, math.Abs(float64(want[i])))
	}
	if scale == 0 {
		return diff
	}
	return diff / scale
}

// Tolerance is a bound relative to the largest magnitude, with an absolute floor.
type Tolerance struct{ Relative, Floor float64 }

// The tolerances of the golden values.
var (
	Float64      = Tolerance{1e-9, 1e-12} // a float64 implementation
	LossFloat32  = Tolerance{2e-6, 0}     // float32: losses
	GradFloat32  = Tolerance{5e-6, 1e-6}  // float32: gradients of the losses
	LayerFloat32 = Tolerance{2e-5, 1e-7}  // float32: layers, batch norm, whole steps, on every kernel branch
)

// Close fails the test when any |got − want| is above the tolerance times the
// largest |want| and above the floor.
func Close[A, B Number](t testing.TB, what string, got []A, want []B, tol Tolerance) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	var scale float64
	for _, w := range want {
		scale = max(scale, math.Abs(float64(w)))
	}
	bound := max(tol.Relative*scale, tol.Floor)
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= bound) {
			t.Errorf("%s[%d] = %.9g, want %.9g: off by %.2e, allowed %.2e (relative error of the array %.2e)",
				what, i, float64(got[i]), float64(want[i]), d, bound, RelError(got, want))
			return
		}
	}
}

// CloseTo is Close for one number.
func CloseTo(t testing.TB, what string, got, want float64, tol Tolerance) {
	t.Helper()
	Close(t, what, []float64{got}, []float64{want}, tol)
}
