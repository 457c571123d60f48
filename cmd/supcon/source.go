package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"supcon/pkg/checkpoint"
	"supcon/pkg/dataset"
	"supcon/pkg/fault"
	"supcon/pkg/infer"
	"supcon/pkg/kernel"
	"supcon/pkg/loader"
	"supcon/pkg/train"
)

// source is what eval and embed have in common: a trained encoder and images to
// run it on.
type source struct {
	data             string
	layer            string
	batch            int
	threads, workers int
}

func (s *source) addFlags(cmd *cobra.Command, dataHelp string) {
	s.batch = 256
	cmd.Flags().StringVar(&s.data, "data", "", dataHelp)
	cmd.Flags().StringVar(&s.layer, "layer", string(infer.EncoderLayer), "vectors to take: encoder (the representation h) or projection (the z that the loss saw)")
	cmd.Flags().IntVar(&s.batch, "batch-size", s.batch, "images at once")
	cmd.Flags().IntVar(&s.threads, "threads", 0, "arithmetic threads; 0 = all cores")
	cmd.Flags().IntVar(&s.workers, "workers", 0, "image workers; 0 = by the machine")
}

// trained is an opened source.
type trained struct {
	found   checkpoint.Found
	encoder *infer.Encoder
	engine  *kernel.Engine
	workers int
	ui      *ui
}

// open finds the run that args name, or the newest, and loads its encoder.
func (s *source) open(ui *ui, args []string) (*trained, error) {
	run := ""
	if len(args) == 1 {
		run = args[0]
	} else {
		var err error
		if run, err = checkpoint.Newest(train.RunsFolder); err != nil {
			return nil, err
		}
		ui.note("taking the newest run, %s", run)
	}
	found, err := checkpoint.Resolve(run)
	if err != nil {
		return nil, err
	}
	for _, n := range found.Notes {
		ui.note("note: %s", n)
	}
	engine, err := kernel.New(kernel.Options{Threads: s.threads})
	if err != nil {
		return nil, fault.Usage.Errorf("%w", err)
	}
	encoder, err := infer.Open(engine, found.Path, infer.Options{Layer: infer.Layer(s.layer), Batch: s.batch})
	if err != nil {
		return nil, err
	}
	return &trained{found: found, encoder: encoder, engine: engine, workers: s.workers, ui: ui}, nil
}

// runImages returns the images the run was trained on and those it held out,
// with data in place of the run's own folder if it is not "".
func (t *trained) runImages(data string) (trainSet, held *dataset.Set, err error) {
	if t.found.Run == "" {
		if data == "" {
			return nil, nil, fault.Usage.Errorf("%s lies in no run directory, so its images are not known; give --data DIR", t.found.Path)
		}
		trainSet, err = openLabelled(data, nil)
		return trainSet, nil, err
	}
	return train.Images(t.found.Run, data)
}

// openLabelled opens an image folder; with classes, those of its labels index them.
func openLabelled(path string, classes []string) (*dataset.Set, error) {
	set, err := dataset.Open(path, dataset.Options{})
	if err != nil || classes == nil {
		return set, err
	}
	return set, set.MatchClasses(classes)
}

// reportSkipped names the first unreadable images and counts the rest.
func (u *ui) reportSkipped(skipped []loader.Skip) {
	const shown = 3
	for i, s := range skipped {
		if i == shown {
			u.note("note: %d more images were skipped", len(skipped)-shown)
			return
		}
		u.note("note: skipped %s: %s", s.Path, s.Reason)
	}
}

// vectors embeds a set and keeps the vectors in memory.
func (t *trained) vectors(ctx context.Context, set *dataset.Set, what string) (*infer.Vectors, error) {
	t.ui.detail("embedding %d %s images of %s", set.Len(), what, set.Root)
	v, err := t.encoder.Collect(ctx, set, t.workers)
	if err != nil {
		return nil, fmt.Errorf("embed the %s images: %w", what, err)
	}
	t.ui.reportSkipped(v.Skipped)
	return v, nil
}
