package train

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"runtime"

	"supcon/pkg/augment"
	"supcon/pkg/checkpoint"
	"supcon/pkg/config"
	"supcon/pkg/dataset"
	"supcon/pkg/fault"
)

// images is the data of a run: what is trained on, what is held out, and what
// the training part looks like.
type images struct {
	train *dataset.Set
	held  *dataset.Set // nil without validation
	notes []string
}

// openImages indexes the data of cfg and checks that a run on it makes sense.
func openImages(cfg config.Run) (*images, error) {
	all, err := dataset.Open(cfg.Data, dataset.Options{Unlabelled: cfg.Unlabelled})
	if err != nil {
		return nil, err
	}
	if cfg.NeedsLabels() && len(all.Classes) < 2 {
		return nil, fault.Data.Errorf("train: %s holds one class only, but the %s loss needs at least two to tell apart; add class folders or use --loss simclr", cfg.Data, cfg.Loss)
	}
	d := &images{train: all, notes: all.Notes}
	switch {
	case cfg.Val != "":
		if d.held, err = openValidation(cfg.Val, all); err != nil {
			return nil, err
		}
	case cfg.ValFraction > 0 && all.Labelled():
		d.train, d.held = all.Split(cfg.ValFraction, cfg.Seed)
		if d.held.Len() == 0 {
			d.held = nil
		}
	}
	if d.train.Len() < cfg.BatchSize {
		return nil, fault.Usage.Errorf("train: batch_size is %d, but there are only %d images to train on; give --batch-size %d or less", cfg.BatchSize, d.train.Len(), d.train.Len())
	}
	if all.NotImages > 0 {
		d.notes = append(d.notes, fmt.Sprintf("%d files that are no images were passed over, e.g. %s", all.NotImages, all.NotImageExamples[0]))
	}
	return d, nil
}

func openValidation(path string, train *dataset.Set) (*dataset.Set, error) {
	held, err := dataset.Open(path, dataset.Options{})
	if err != nil {
		return nil, err
	}
	if !train.Labelled() {
		return nil, fault.Usage.Errorf("train: --val needs labelled training data, but %s has no classes; leave --val out", train.Root)
	}
	return held, held.MatchClasses(train.Classes)
}

// fingerprint identifies the list of images a run draws from, so that a
// resumed run can refuse data that would make it another run. It depends on
// relative paths and labels, not on where the folder lies.
func fingerprint(set *dataset.Set) string {
	h := sha256.New()
	for _, item := range set.Items {
		_, _ = h.Write([]byte(item.Path))
		_, _ = h.Write(binary.LittleEndian.AppendUint64([]byte{0}, uint64(item.Label)))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// recipe settles the automatic settings of cfg and makes the recipe of the
// views, normalised by the statistics of the training part or, for a resumed
// run, by those its checkpoint holds.
func (d *images) recipe(ctx context.Context, cfg *config.Run, saved *checkpoint.File) (*augment.Recipe, error) {
	workers := cmp.Or(cfg.Workers, runtime.GOMAXPROCS(0))
	if cfg.ImageSize == 0 {
		side, err := dataset.MedianShorterSide(ctx, d.train, workers)
		if err != nil {
			return nil, err
		}
		cfg.ImageSize = dataset.DefaultImageSize(side)
	}
	cfg.ResolveAutomatic()
	if saved != nil {
		return augment.New(cfg.Recipe, cfg.ImageSize, saved.Meta.Mean, saved.Meta.Std)
	}
	stats, err := dataset.ComputeStats(ctx, d.train, augment.Squares(cfg.ImageSize), workers)
	if err != nil {
		return nil, err
	}
	return augment.New(cfg.Recipe, cfg.ImageSize, stats.Mean, stats.Std)
}

// Images returns the images that the run in dir trains on and those it holds
// out (nil for none), with data in place of its own folder unless that is "".
func Images(dir, data string) (trainSet, held *dataset.Set, err error) {
	cfg, err := readRunConfig(dir)
	if err != nil {
		return nil, nil, err
	}
	if data != "" {
		cfg.Data = data
	}
	cfg.BatchSize = 1 // nothing is going to be trained
	d, err := openImages(cfg)
	if err != nil {
		return nil, nil, err
	}
	return d.train, d.held, nil
}
