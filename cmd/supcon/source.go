package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"supcon/pkg/checkpoint"
	"supcon/pkg/config"
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
	maxPixels        int // 0: the run's for its own images, else the default
	onBadImage       string
}

func (s *source) addFlags(cmd *cobra.Command, dataHelp string) {
	cmd.Flags().StringVar(&s.data, "data", "", dataHelp)
	cmd.Flags().StringVar(&s.layer, "layer", string(infer.EncoderLayer), "vectors to take: encoder (the representation h) or projection (the z that the loss saw)")
	cmd.Flags().IntVar(&s.batch, "batch-size", 0, "most images at once; 0 = by the image size")
	cmd.Flags().IntVar(&s.threads, "threads", 0, "arithmetic threads; 0 = all cores")
	cmd.Flags().IntVar(&s.workers, "workers", 0, "image workers; 0 = by the machine")
	cmd.Flags().IntVar(&s.maxPixels, "max-pixels", 0, "refuse a picture of more pixels than this before decoding it; 0 = 100000000, or what the run had for its own images")
	cmd.Flags().StringVar(&s.onBadImage, "on-bad-image", config.SkipBad, "an image that cannot be read: skip it (named and counted) or fail")
}

// trained is an opened source.
type trained struct {
	found     checkpoint.Found
	encoder   *infer.Encoder
	engine    *kernel.Engine
	workers   int
	maxPixels int // 0: the run's for its own images, else the default
	ui        *ui
}

// open finds the run that args name, or the newest, and loads its encoder.
func (s *source) open(ui *ui, args []string) (*trained, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
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
	encoder, err := infer.Open(engine, found.Path, infer.Options{Layer: infer.Layer(s.layer), Batch: s.batch, FailOnBad: s.onBadImage == config.FailBad})
	if err != nil {
		return nil, err
	}
	return &trained{found: found, encoder: encoder, engine: engine, workers: s.workers, maxPixels: s.maxPixels, ui: ui}, nil
}

func (s *source) check() error {
	words := []string{config.SkipBad, config.FailBad}
	switch {
	case !slices.Contains(words, s.onBadImage):
		return fault.Usage.Errorf("unknown --on-bad-image %q%s (known: %s)", s.onBadImage, fault.DidYouMean(s.onBadImage, words), strings.Join(words, ", "))
	case s.maxPixels < 0:
		return fault.Usage.Errorf("--max-pixels is %d; give 0 or more", s.maxPixels)
	}
	return nil
}

// limited gives a set the limit on pixels that was asked for.
func (t *trained) limited(set *dataset.Set) *dataset.Set {
	if set != nil && t.maxPixels > 0 {
		set.MaxPixels = t.maxPixels
	}
	return set
}

// runImages returns the images the run was trained on and those it held out,
// with data in place of the run's own folder if it is not "".
func (t *trained) runImages(data string) (trainSet, held *dataset.Set, err error) {
	if t.found.Run == "" {
		if data == "" {
			return nil, nil, fault.Usage.Errorf("%s lies in no run directory, so its images are not known; give --data DIR", t.found.Path)
		}
		trainSet, err = t.openLabelled(data, nil)
		return trainSet, nil, err
	}
	trainSet, held, err = train.Images(t.found.Run, data)
	return t.limited(trainSet), t.limited(held), err
}

// openLabelled opens labelled images; with classes, those of its labels index them.
func (t *trained) openLabelled(path string, classes []string) (*dataset.Set, error) {
	set, err := dataset.Open(path, dataset.Options{})
	if err != nil || classes == nil {
		return t.limited(set), err
	}
	return t.limited(set), set.MatchClasses(classes)
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
