package eval

import (
	"context"
	"math"
	"slices"
	"time"

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
