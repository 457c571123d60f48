package eval

import (
	"math"

	"gonum.org/v1/gonum/optimize"
)

// convexSearch is a line search along a convex function φ that decides by its
// derivative: near the minimum the decrease of a loss made of float32 products
// drowns in rounding errors long before the derivative does (Hager and Zhang 2005,
// §4.2, whose approximate Wolfe conditions these are). It ends at a step with
//
//	0.9·φ′(0) ≤ φ′(step) ≤ 0.8·|φ′(0)|  and  φ(step) ≤ φ(0) + 1e-6·|φ(0)|
type convexSearch struct {
	value, slope float64 // φ(0), φ′(0)
	step         float64
	low, high    float64 // the minimum lies between
	lowSlope     float64
	highSlope    float64
	trials       int
}

const maxTrials = 40

var evaluateBoth = optimize.FuncEvaluation | optimize.GradEvaluation

// Init implements optimize.Linesearcher.
func (s *convexSearch) Init(value, slope, step float64) optimize.Operation {
	*s = convexSearch{value: value, slope: slope, step: step, high: math.Inf(1), lowSlope: slope}
	return evaluateBoth
}

// Iterate implements optimize.Linesearcher.
func (s *convexSearch) Iterate(value, slope float64) (optimize.Operation, float64, error) {
	lower := value <= s.value+1e-6*math.Abs(s.value)
	switch {
	case lower && 0.9*s.slope <= slope && slope <= -0.8*s.slope:
		return optimize.MajorIteration, s.step, nil
	case lower && slope < 0:
		s.low, s.lowSlope = s.step, slope
	default: // past the minimum; a value that is no number is far past it
		s.high, s.highSlope = s.step, slope
	}
	if s.trials++; s.trials == maxTrials {
		return optimize.NoOperation, 0, optimize.ErrLinesearcherFailure
	}
	s.step = s.next()
	return evaluateBoth, s.step, nil
}

// next is where the slope would vanish if it were straight, kept away from the
// ends of the bracket; without an upper end four times the step.
func (s *convexSearch) next() float64 {
	if math.IsInf(s.high, 1) {
		return 4 * s.step
	}
	width := s.high - s.low
	secant := s.low - s.lowSlope*width/(s.highSlope-s.lowSlope)
	if math.IsNaN(secant) { // the upper end was far out of range
		secant = s.low
	}
	return min(max(secant, s.low+0.1*width), s.high-0.1*width)
}
