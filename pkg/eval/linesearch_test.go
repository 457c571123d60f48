package eval

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/optimize"
	"pgregory.net/rapid"
)

// search runs a line search on φ from φ(0) and returns the step accepted.
func search(t interface{ Fatalf(string, ...any) }, value, slope func(float64) float64, step float64) (accepted float64, trials int) {
	s := &convexSearch{}
	s.Init(value(0), slope(0), step)
	for trials = 1; ; trials++ {
		op, next, err := s.Iterate(value(step), slope(step))
		if err != nil {
			t.Fatalf("at step %g: %v", step, err)
		}
		if op == optimize.MajorIteration {
			return step, trials
		}
		step = next
	}
}

// On parabolas of any width, from a first step of any length, few trials reach a
// step between a twentieth and nine fifths of the way to the minimum.
func TestConvexSearchFindsTheMinimum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minimum := math.Pow(10, rapid.Float64Range(-4, 4).Draw(t, "minimum"))
		first := math.Pow(10, rapid.Float64Range(-4, 4).Draw(t, "first"))
		slope := func(a float64) float64 { return a/minimum - 1 }
		value := func(a float64) float64 { return a*a/(2*minimum) - a }
		step, trials := search(t, value, slope, first)
		if step < 0.1*minimum*0.99 || step > 1.8*minimum*1.01 || trials > 20 {
			t.Fatalf("step %g after %d trials, minimum at %g", step, trials, minimum)
		}
	})
}

// Rounding errors in the value, larger than the decrease there is, must not stop it.
func TestConvexSearchBearsNoise(t *testing.T) {
	const minimum = 1e-5
	value := func(a float64) float64 { return 1 + 1e-7*math.Sin(1e9*a) }
	slope := func(a float64) float64 { return 1e-6 * (a/minimum - 1) }
	if step, _ := search(t, value, slope, 1e-3); step > 1.8*minimum {
		t.Errorf("step %g, minimum at %g", step, minimum)
	}
}

// A step into overflow comes back.
func TestConvexSearchComesBackFromOverflow(t *testing.T) {
	value := func(a float64) float64 { return math.Exp(a) - 2*a }
	slope := func(a float64) float64 { return math.Exp(a) - 2 }
	if step, trials := search(t, value, slope, 1e6); math.Abs(step-math.Ln2) > 0.7 || trials > maxTrials {
		t.Errorf("step %g after %d trials, minimum at %g", step, trials, math.Ln2)
	}
}

func TestConvexSearchGivesUp(t *testing.T) {
	s := &convexSearch{}
	s.Init(0, -1, 1)
	for range maxTrials {
		if _, _, err := s.Iterate(0, -1); err != nil {
			return // no minimum in sight
		}
	}
	t.Error("a line that falls for ever has no end")
}
