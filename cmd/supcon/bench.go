package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"supcon/pkg/fault"
	"supcon/pkg/kernel"
	"supcon/pkg/model"
	"supcon/pkg/op"
	"supcon/pkg/train"
)

type benchOptions struct {
	load         train.Load
	threads      int
	conv         string
	data         string
	inferOnly    bool
	layers, json bool
}

// benchResult is what `bench --json` prints.
type benchResult struct {
	Model    string               `json:"model"`
	Train    *train.StepSpeed     `json:"train,omitempty"`
	Infer    train.InferSpeed     `json:"infer"`
	Pipeline *train.PipelineSpeed `json:"pipeline,omitempty"`
	CPU      benchCPU             `json:"cpu"`
}

type benchCPU struct {
	Branch     string  `json:"branch"`
	Threads    int     `json:"threads"`
	PeakGFLOPS float64 `json:"peak_gflops"`
}

func newBench(ui *ui) *cobra.Command {
	o := benchOptions{load: train.Load{Spec: model.Spec{Name: "resnet18", Head: model.MLP, ProjDim: 128}, Images: 128, Views: 2, ImageSize: 32, Steps: 8}}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure training and inference speed on this machine",
		Long: `Times training steps (forward, SupCon, backward, SGD) and encoder inference of a model on
random input, and with --data the decoding and augmenting of images. Speeds are medians;
GFLOP/s are effective, 2 operations a multiply-add of the plain convolution.`,
		Example: `  supcon bench --model small
  supcon bench --model resnet18 --images 128 --views 2 --layers`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBench(cmd.Context(), ui, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.load.Spec.Name, "model", o.load.Spec.Name, "encoder: "+strings.Join(model.Names(), ", "))
	f.IntVar(&o.load.Images, "images", o.load.Images, "images in a batch")
	f.IntVar(&o.load.Views, "views", o.load.Views, "views of each; a training step and an inference batch have images x views rows")
	f.IntVar(&o.load.ImageSize, "image-size", o.load.ImageSize, "side of an image in pixels")
	f.IntVar(&o.load.Steps, "steps", o.load.Steps, "steps to time")
	f.IntVar(&o.threads, "threads", 0, "arithmetic threads; 0 = all cores")
	f.StringVar(&o.conv, "conv", "auto", "convolution kernels: auto, or direct (without Winograd)")
	f.StringVar(&o.data, "data", "", "images (a folder, a CSV manifest or a tar archive) to time the data side on, by the recipe cifar")
	f.BoolVar(&o.inferOnly, "infer-only", false, "time inference alone")
	f.BoolVar(&o.layers, "layers", false, "time each operation of the training step")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

func runBench(ctx context.Context, ui *ui, o benchOptions) error {
	for _, n := range []struct {
		flag  string
		value int
	}{{"images", o.load.Images}, {"views", o.load.Views}, {"image-size", o.load.ImageSize}, {"steps", o.load.Steps}} {
		if n.value < 1 {
			return fault.Usage.Errorf("bench: --%s is %d; give 1 or more", n.flag, n.value)
		}
	}
	engine, err := kernel.New(kernel.Options{Threads: o.threads, Conv: o.conv})
	if err != nil {
		return fault.Usage.Errorf("%w", err)
	}
	r := benchResult{Model: o.load.Spec.Name, CPU: benchCPU{string(engine.Branch()), engine.Threads(), engine.PeakGFLOPS()}}
	if !o.inferOnly {
		ui.detail("timing %d training steps of %d rows", o.load.Steps, o.load.Rows())
		speed, err := train.MeasureStep(ctx, engine, o.load)
		if err != nil {
			return err
		}
		r.Train = &speed
	}
	if r.Infer, err = train.MeasureInference(ctx, engine, o.load); err != nil {
		return err
	}
	if o.data != "" {
		p, err := train.MeasurePipeline(ctx, o.data, o.load)
		if err != nil {
			return err
		}
		r.Pipeline = &p
	}
	if o.json {
		return ui.printJSON(r)
	}
	r.print(ui)
	if o.layers {
		r.printLayers(ui, o.load.Steps)
	}
	return nil
}

func (r benchResult) print(ui *ui) {
	ui.row("model", "%s", r.Model)
	ui.row("cpu", "%s, %d threads, %.0f GFLOP/s at most", r.CPU.Branch, r.CPU.Threads, r.CPU.PeakGFLOPS)
	if r.Train != nil {
		ui.row("training", "%.1f ms a step, %.0f views/s, %.0f GFLOP/s, %d MiB (%d MiB of it the graph's)",
			r.Train.StepMS, r.Train.ViewsPerS, r.Train.GFLOPS, r.Train.PeakBytes>>20, r.Train.ArenaBytes>>20)
	}
	ui.row("inference", "%.1f ms a batch, %.0f images/s, %.0f GFLOP/s", r.Infer.BatchMS, r.Infer.ImagesPerS, r.Infer.GFLOPS)
	if r.Pipeline != nil {
		ui.row("pipeline", "%.0f views/s from files, %.0f from decoded images in memory", r.Pipeline.ViewsPerS, r.Pipeline.CachedViewsPerS)
	}
}

// printLayers lists the operations of a training step, or of inference when
// nothing was trained, the slowest first.
func (r benchResult) printLayers(ui *ui, steps int) {
	layers := r.Infer.Layers
	if r.Train != nil {
		layers = r.Train.Layers
	}
	slices.SortStableFunc(layers, func(a, b op.Timing) int { return cmp.Compare(b.Elapsed, a.Elapsed) })
	var total time.Duration
	for _, l := range layers {
		total += l.Elapsed
	}
	fmt.Fprintf(ui.stdout, "\n%9s %6s %9s  %s\n", "ms", "share", "GFLOP/s", "operation")
	for _, l := range layers {
		ms := l.Elapsed.Seconds() * 1e3 / float64(steps)
		rate := ""
		if l.FLOPs > 0 && l.Elapsed > 0 {
			rate = fmt.Sprintf("%.0f", l.FLOPs*float64(steps)/l.Elapsed.Seconds()/1e9)
		}
		fmt.Fprintf(ui.stdout, "%9.2f %5.1f%% %9s  %s %s\n", ms, 100*l.Elapsed.Seconds()/total.Seconds(), rate, l.Kind, l.Name)
	}
}
