package train

import (
	"context"
	"slices"
	"time"

	"supcon/pkg/internal/memory"
	"supcon/pkg/kernel"
	"supcon/pkg/loss"
	"supcon/pkg/model"
	"supcon/pkg/op"
	"supcon/pkg/optim"
	"supcon/pkg/random"
)

// Load is what a speed is measured on: steps of Images × Views random rows.
type Load struct {
	Spec          model.Spec
	Images, Views int
	ImageSize     int
	Steps         int // timed, after warmUps that are not
}

// warmUps are steps before the clock starts: memory is touched, caches fill.
const warmUps = 2

// Rows is V·N.
func (l Load) Rows() int { return l.Images * l.Views }

// net makes the model that is measured.
func (l Load) net() (*model.Net, error) {
	if err := l.Spec.CheckSize(l.ImageSize); err != nil {
		return nil, err
	}
	return model.New(l.Spec.ForImages(l.ImageSize), 1)
}

// StepSpeed is the speed of a training step: forward, backward, update.
type StepSpeed struct {
	StepMS     float64 `json:"step_ms"` // median
	ViewsPerS  float64 `json:"views_per_s"`
	GFLOPS     float64 `json:"gflops"`      // effective: three forward passes' operations a step
	PeakBytes  int64   `json:"peak_bytes"`  // the process's greatest resident size
	ArenaBytes int64   `json:"arena_bytes"` // results of the graph, the largest part of it

	Layers []op.Timing `json:"-"` // over all timed steps
}

// MeasureStep times training steps under SupCon and SGD on random input.
func MeasureStep(ctx context.Context, e *kernel.Engine, l Load) (StepSpeed, error) {
	net, err := l.net()
	if err != nil {
		return StepSpeed{}, err
	}
	shape := model.Shape{Rows: l.Rows(), H: l.ImageSize, W: l.ImageSize}
	graph, err := net.TrainGraph(e, shape, op.LossConfig{Variant: loss.SupCon, Temperature: 0.1})
	if err != nil {
		return StepSpeed{}, err
	}
	defer func() { _ = graph.Close() }() // it holds memory only
	step, err := syntheticStep(e, graph, l)
	if err != nil {
		return StepSpeed{}, err
	}
	seconds, err := timed(ctx, l.Steps, step, func() { graph.Machine().SetTiming(true) })
	if err != nil {
		return StepSpeed{}, err
	}
	flops, err := net.FLOPs(e, l.ImageSize, l.ImageSize, model.Projection)
	return StepSpeed{
		StepMS: 1e3 * seconds, ViewsPerS: float64(l.Rows()) / seconds, GFLOPS: 3 * flops * float64(l.Rows()) / seconds / 1e9,
		PeakBytes: memory.PeakBytes(), ArenaBytes: graph.Machine().Bytes(), Layers: graph.Machine().Timings(),
	}, err
}

// syntheticStep returns a training step on random images of ten classes.
func syntheticStep(e *kernel.Engine, graph *model.TrainGraph, l Load) (func() error, error) {
	x, labels, groups := syntheticImages(l), make([]int, l.Images), make([]int, l.Rows())
	for n := range labels {
		labels[n] = n % 10
	}
	loss.Groups(groups, loss.SupCon, labels)
	settings := optim.Defaults("sgd")
	settings.WeightDecay = 1e-4
	solver, err := optim.New(e, settings, parameters(graph))
	if err != nil {
		return nil, err
	}
	solver.SetLearningRate(0.05)
	return func() error {
		if err := graph.SetInput(x, groups); err != nil {
			return err
		}
		if _, err := graph.Run(); err != nil {
			return err
		}
		return solver.Step(graph.Gradients())
	}, nil
}

func syntheticImages(l Load) []float32 {
	x, rng := make([]float32, l.Rows()*l.ImageSize*l.ImageSize*3), random.New(1, random.Bench)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// parameters are those of a graph, as solvers want them.
func parameters(graph *model.TrainGraph) []optim.Parameter {
	var list []optim.Parameter
	for _, g := range graph.Gradients() {
		list = append(list, g.(optim.Parameter))
	}
	return list
}

// InferSpeed is the speed of the frozen encoder.
type InferSpeed struct {
	BatchMS    float64 `json:"batch_ms"` // median
	ImagesPerS float64 `json:"images_per_s"`
	GFLOPS     float64 `json:"gflops"`

	Layers []op.Timing `json:"-"`
}

// MeasureInference times the encoder on batches of l.Rows() random images.
func MeasureInference(ctx context.Context, e *kernel.Engine, l Load) (InferSpeed, error) {
	net, err := l.net()
	if err != nil {
		return InferSpeed{}, err
	}
	graph, err := net.InferGraph(e, model.Shape{Rows: l.Rows(), H: l.ImageSize, W: l.ImageSize}, model.Encoder)
	if err != nil {
		return InferSpeed{}, err
	}
	defer func() { _ = graph.Close() }() // it holds memory only
	x := syntheticImages(l)
	batch := func() error { _, err := graph.Run(x); return err }
	seconds, err := timed(ctx, l.Steps, batch, func() { graph.Machine().SetTiming(true) })
	if err != nil {
		return InferSpeed{}, err
	}
	flops, err := net.FLOPs(e, l.ImageSize, l.ImageSize, model.Encoder)
	return InferSpeed{
		BatchMS: 1e3 * seconds, ImagesPerS: float64(l.Rows()) / seconds, GFLOPS: flops * float64(l.Rows()) / seconds / 1e9,
		Layers: graph.Machine().Timings(),
	}, err
}

// timed returns the median time in seconds of a run of work, after warm-ups.
func timed(ctx context.Context, steps int, work func() error, begin func()) (float64, error) {
	seconds := make([]float64, 0, steps)
	for i := range warmUps + steps {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if i == warmUps {
			begin()
		}
		started := time.Now()
		if err := work(); err != nil {
			return 0, err
		}
		if i >= warmUps {
			seconds = append(seconds, time.Since(started).Seconds())
		}
	}
	return median(seconds), nil
}

// median sorts the values, of which there is at least one.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
