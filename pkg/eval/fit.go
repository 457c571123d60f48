package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"

	"supcon/pkg/kernel"
)

// fitter holds the standardised training set, its held-out part last, and the
// solution so far, which starts the next fit.
type fitter struct {
	ctx        context.Context
	e          *kernel.Engine
	o          ProbeOptions
	x          []float32 // (n, d)
	labels     []int
	fitRows    int // rows before the held-out part
	d, c       int
	mean, std  []float32
	sigma      *mat.SymDense
	theta      []float64 // (W, b)
	iterations int
	converged  bool
}

func newFitter(ctx context.Context, e *kernel.Engine, train []float32, labels []int, d, c int, o ProbeOptions) *fitter {
	n := len(labels)
	order, fitRows := stratify(labels, c, o.Held, o.Seed)
	if len(o.Strengths) == 1 {
		fitRows = n // nothing to choose
	}
	f := &fitter{
		ctx: ctx, e: e, o: o, fitRows: fitRows, d: d, c: c,
		x: make([]float32, n*d), labels: make([]int, n), theta: make([]float64, d*c+c),
	}
	f.mean, f.std = moments(e, train, n, d)
	blocks(e, n, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			from := order[i]
			f.labels[i] = labels[from]
			standardize(f.x[i*d:(i+1)*d], train[from*d:(from+1)*d], f.mean, f.std)
		}
	})
	f.sigma = covariance(e, f.x, n, d)
	return f
}

// choose returns the strength to use and its top-1 on the held-out part. From
// the strongest on, each fit starts at the one before; it ends when two in a row
// gave a worse held-out likelihood than the best, since weaker ones only overfit more.
func (f *fitter) choose() (lambda, top1 float64, err error) {
	if len(f.o.Strengths) == 1 {
		return f.o.Strengths[0], 0, nil
	}
	if f.fitRows == len(f.labels) {
		return defaultStrength, 0, nil
	}
	best, chosenLoss, leastLoss, worse := -1, 0.0, math.Inf(1), 0
	var solution []float64
	for _, candidate := range f.o.Strengths {
		if _, err := f.fit(f.fitRows, candidate, f.o.Tolerance*gridTolerance); err != nil {
			return 0, 0, err
		}
		correct, loss := f.heldOut()
		if correct > best || correct == best && loss < chosenLoss {
			best, chosenLoss, lambda = correct, loss, candidate
			solution = slices.Clone(f.theta)
		}
		if worse++; loss < leastLoss {
			leastLoss, worse = loss, 0
		}
		if worse == 2 {
			break
		}
	}
	f.theta = solution
	return lambda, percent(best, len(f.labels)-f.fitRows), nil
}

// heldOut returns the correct answers and the loss on the held-out part.
func (f *fitter) heldOut() (correct int, loss float64) {
	x, labels := f.x[f.fitRows*f.d:], f.labels[f.fitRows:]
	w, bias := make([]float32, f.d*f.c), f.theta[f.d*f.c:]
	for i := range w {
		w[i] = float32(f.theta[i])
	}
	logits, sums := make([]float32, min(len(labels), rowBlock)*f.c), make([]float64, f.c)
	for lo := 0; lo < len(labels); lo += rowBlock {
		hi := min(len(labels), lo+rowBlock)
		f.e.Gemm(kernel.GemmShape{M: hi - lo, N: f.c, K: f.d}, logits, x[lo*f.d:hi*f.d], w)
		for i, y := range labels[lo:hi] {
			row := logits[i*f.c : (i+1)*f.c]
			loss += softmaxGradient(row, bias, y, sums)
			row[y]++ // back from p − 1[·=y] to p
			if Rank(row, y) == 0 {
				correct++
			}
		}
	}
	return correct, loss
}

// fit minimises over the first rows rows from where theta stands, and leaves and
// returns the solution there.
func (f *fitter) fit(rows int, lambda, tolerance float64) ([]float64, error) {
	dc := f.d * f.c
	p := newPreconditioner(f.sigma, f.c, lambda/float64(rows))
	l := newLogistic(f.e, f.x[:rows*f.d], f.labels[:rows], f.d, f.c, lambda, p)
	start := slices.Clone(f.theta)
	p.fromWeights(start[:dc], f.c)
	problem := optimize.Problem{Func: l.Func, Grad: l.Grad, Status: func() (optimize.Status, error) {
		if err := f.ctx.Err(); err != nil {
			return optimize.Failure, err
		}
		return optimize.NotTerminated, nil
	}}
	settings := &optimize.Settings{
		GradientThreshold: tolerance,
		MajorIterations:   f.o.MaxIterations,
		// The way out when a tolerance is below what float32 products can reach.
		Converger: &optimize.FunctionConverge{Relative: 1e-9, Iterations: 30},
	}
	result, err := optimize.Minimize(problem, start, settings, &optimize.LBFGS{
		Linesearcher:      &convexSearch{},
		GradStopThreshold: math.NaN(), // only ours counts
	})
	if f.ctx.Err() != nil {
		return nil, fmt.Errorf("eval: linear probe: %w", f.ctx.Err())
	}
	if err != nil && !endOfDescent(err) {
		return nil, fmt.Errorf("eval: linear probe: %w", err)
	}
	f.iterations += result.MajorIterations
	f.converged = result.Status != optimize.IterationLimit
	f.theta = append(f.theta[:0], result.X...)
	p.toWeights(f.theta[:dc], f.c)
	return f.theta, nil
}

// endOfDescent tells whether a line search gave up because it cannot tell the
// point from its neighbours any more: that point is the minimum then.
func endOfDescent(err error) bool {
	return errors.Is(err, optimize.ErrLinesearcherFailure) || errors.Is(err, optimize.ErrNonDescentDirection) || errors.Is(err, optimize.ErrNoProgress)
}
