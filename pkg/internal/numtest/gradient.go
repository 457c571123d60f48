package numtest

import "testing"

// Differences returns the gradient of f at x by central differences with the
// given step; x is restored. In float64 and with a step near 1e-6 the result is
// good to about 1e-8 of the gradient's scale.
func Differences(f func() float64, x []float64, step float64) []float64 {
	g := make([]float64, len(x))
	for i, at := range x {
		x[i] = at + step
		above := f()
		x[i] = at - step
		g[i] = (above - f()) / (2 * step)
		x[i] = at
	}
	return g
}

// CheckGradient compares an analytic gradient with central differences of the
// float64 function f at x.
func CheckGradient(t testing.TB, what string, f func() float64, x, gradient []float64, tolerance float64) {
	t.Helper()
	Close(t, what, gradient, Differences(f, x, 1e-6), Tolerance{Relative: tolerance, Floor: 1e-9})
}

// Dot is ⟨a, b⟩ in float64: with a fixed b it makes a scalar of an array-valued
// function, whose gradient is then the vector-Jacobian product with b.
func Dot[A, B Number](a []A, b []B) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
