package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"

	"supcon/pkg/fault"
	"supcon/pkg/kernel"
)

// ProbeOptions say how a probe is fitted. The zero value is right for nearly everybody.
type ProbeOptions struct {
	// Strengths are the L2 strengths λ to choose from; nil is the decades from
	// 10⁴ down to 10⁻². One alone is used as it is.
	Strengths []float64
	Held      float64 // share of the training set held out to choose; 0 is 0.1
	Seed      uint64  // of the held-out part
	Tolerance float64 // on the largest preconditioned gradient; 0 is 1e-5
	// MaxIterations bounds each fit; 0 is 1000.
	MaxIterations int
}

// defaultStrength is used where nothing can be held out; scikit-learn's default.
const defaultStrength = 1

// gridTolerance is how much looser the fits that only choose the strength are.
const gridTolerance = 10

func (o ProbeOptions) withDefaults() ProbeOptions {
	if len(o.Strengths) == 0 {
		for e := 4; e >= -2; e-- {
			o.Strengths = append(o.Strengths, math.Pow10(e))
		}
	}
	o.Strengths = slices.Clone(o.Strengths)
	slices.Sort(o.Strengths)
	slices.Reverse(o.Strengths) // strongest first
	if o.Held == 0 {
		o.Held = 0.1
	}
	if o.Tolerance == 0 {
		o.Tolerance = 1e-5
	}
	if o.MaxIterations == 0 {
		o.MaxIterations = 1000
	}
	return o
}

// Probe is a trained linear classifier on standardised features:
// argmax_k Σ_j (x_j − mean_j)/std_j · weight_kj + bias_k.
type Probe struct {
	Version  int       `json:"version"`
	Classes  []string  `json:"classes"`
	Dim      int       `json:"dim"`
	L2       float64   `json:"l2"`     // λ, see FitProbe
	Mean     []float32 `json:"mean"`   // (Dim)
	Std      []float32 `json:"std"`    // (Dim)
	Weight   []float32 `json:"weight"` // (C, Dim), PyTorch's layout
	Bias     []float32 `json:"bias"`   // (C)
	HeldTop1 float64   `json:"held_top1,omitempty"`

	Iterations int           `json:"-"` // of all fits
	Converged  bool          `json:"-"` // false when the last fit met MaxIterations
	FitTime    time.Duration `json:"-"`
}

// FitProbe fits a multinomial logistic regression to train (n, d), standardised
// by its own mean and deviation, minimising
//
//	1/n · Σ −log p(y_i | x_i) + λ/2n · ‖W‖²
//
// with L-BFGS; the bias is free. That is scikit-learn's LogisticRegression with
// C = 1/λ. λ is the strength with the best top-1 on a held-out stratified part of
// train (of equal ones that with the higher likelihood), then all of train is fitted with it.
func FitProbe(ctx context.Context, e *kernel.Engine, train []float32, labels []int, classes []string, o ProbeOptions) (*Probe, error) {
	start := time.Now()
	d, err := checkRows(e, "training", train, labels, len(classes))
	if err != nil {
		return nil, err
	}
	if distinct(labels) < 2 {
		return nil, fault.Data.Errorf("eval: a linear probe needs images of at least two classes, the training set has one: add another class folder")
	}
	o = o.withDefaults()
	if weakest := o.Strengths[len(o.Strengths)-1]; !(weakest > 0) || math.IsInf(o.Strengths[0], 0) {
		return nil, fault.Usage.Errorf("eval: an L2 strength is %g: give positive numbers", weakest)
	}
	f := newFitter(ctx, e, train, labels, d, len(classes), o)
	lambda, held, err := f.choose()
	if err != nil {
		return nil, err
	}
	w, err := f.fit(len(labels), lambda, o.Tolerance)
	if err != nil {
		return nil, err
	}
	p := &Probe{
		Version: probeVersion, Classes: slices.Clone(classes), Dim: d, L2: lambda, Mean: f.mean, Std: f.std, HeldTop1: held,
		Iterations: f.iterations, Converged: f.converged, FitTime: time.Since(start),
	}
	p.setWeights(w)
	return p, nil
}

// setWeights takes θ = (W (d, C), b).
func (p *Probe) setWeights(theta []float64) {
	c := len(p.Classes)
	p.Weight, p.Bias = make([]float32, c*p.Dim), make([]float32, c)
	for j := range p.Dim {
		for k := range c {
			p.Weight[k*p.Dim+j] = float32(theta[j*c+k])
		}
	}
	for k := range c {
		p.Bias[k] = float32(theta[p.Dim*c+k])
	}
}

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
	logits, sums := make([]float32, len(labels)*f.c), make([]float64, f.c)
	f.e.Gemm(kernel.GemmShape{M: len(labels), N: f.c, K: f.d}, logits, x, w)
	for i, y := range labels {
		row := logits[i*f.c : (i+1)*f.c]
		loss += softmaxGradient(row, bias, y, sums)
		row[y]++ // back from p − 1[·=y] to p
		if Rank(row, y) == 0 {
			correct++
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
