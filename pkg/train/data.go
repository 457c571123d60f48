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

// openImages indexes the data of cfg and holds the validation part out.
func openImages(cfg config.Run) (*images, error) {
	all, err := dataset.Open(cfg.Data, dataset.Options{Unlabelled: cfg.Unlabelled})
	if err != nil {
		return nil, err
	}
	all.MaxPixels = cfg.MaxPixels
	d := &images{train: all, notes: all.Notes}
	switch {
	case cfg.Val != "":
		if d.held, err = openValidation(cfg, all); err != nil {
			return nil, err
		}
	case cfg.ValFraction > 0 && all.Labelled():
		d.train, d.held = all.Split(cfg.ValFraction, cfg.Seed)
		if d.held.Len() == 0 {
			d.held = nil
		}
	}
	switch all.NotImages {
	case 0:
	case 1:
		d.notes = append(d.notes, fmt.Sprintf("a file that is no image was passed over: %s", all.NotImageExamples[0]))
	default:
		d.notes = append(d.notes, fmt.Sprintf("%d files that are no images were passed over, e.g. %s", all.NotImages, all.NotImageExamples[0]))
	}
	return d, nil
}

func openValidation(cfg config.Run, train *dataset.Set) (*dataset.Set, error) {
	held, err := dataset.Open(cfg.Val, dataset.Options{})
	if err != nil {
		return nil, err
	}
	if !train.Labelled() {
		return nil, fault.Usage.Errorf("train: --val needs labelled training data, but %s has no classes; leave --val out", train.Root)
	}
	held.MaxPixels = cfg.MaxPixels
	return held, held.MatchClasses(train.Classes)
}

// check reports images that a run of cfg makes no sense on.
func (d *images) check(cfg config.Run) error {
	if cfg.NeedsLabels() && len(d.train.Classes) < 2 {
		return fault.Data.Errorf("train: %s holds one class only, but the %s loss needs at least two to tell apart; add class folders or use --loss simclr", cfg.Data, cfg.Loss)
	}
	if cfg.EarlyStop > 0 && d.held == nil {
		return fault.Usage.Errorf("train: early_stop needs validation images to go by, but none are held out; give labelled ones with --val DIR or a --val-fraction, or leave early_stop out")
	}
	if n := d.train.Len(); n < cfg.BatchSize {
		return fault.Usage.Errorf("train: batch_size is %d, but there are only %d images to train on; give --batch-size %d or less", cfg.BatchSize, n, n)
	}
	return nil
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

// settle settles the automatic settings of cfg that depend on the images.
func (d *images) settle(ctx context.Context, cfg *config.Run) error {
	if cfg.ImageSize == 0 {
		side, err := dataset.MedianShorterSide(ctx, d.train, workers(*cfg))
		if err != nil {
			return err
		}
		cfg.ImageSize = dataset.DefaultImageSize(side)
	}
	cfg.ResolveAutomatic()
	return nil
}

// recipe makes the recipe of the views, normalised by the statistics of the
// training part or, for a resumed run, by those its checkpoint holds.
func (d *images) recipe(ctx context.Context, cfg *config.Run, saved *checkpoint.File) (*augment.Recipe, error) {
	if err := d.settle(ctx, cfg); err != nil {
		return nil, err
	}
	if saved != nil {
		return cfg.RecipeFor(saved.Meta.Mean, saved.Meta.Std)
	}
	stats, err := dataset.ComputeStats(ctx, d.train, augment.Squares(cfg.ImageSize), workers(*cfg))
	if err != nil {
		return nil, err
	}
	if err := stats.FirstUnreadable; err != nil && cfg.OnBadImage == config.FailBad {
		return nil, fault.Data.Errorf("train: %w (on_bad_image is fail; `supcon data check` lists every such image)", err)
	}
	return cfg.RecipeFor(stats.Mean, stats.Std)
}

// workers is how many goroutines look at images.
func workers(cfg config.Run) int { return cmp.Or(cfg.Workers, runtime.GOMAXPROCS(0)) }

// Images returns the images that the run in dir trains on and those it holds
// out (nil for none), with labelled images at data in place of its own unless
// that is "".
func Images(dir, data string) (trainSet, held *dataset.Set, err error) {
	cfg, err := readRunConfig(dir)
	if err != nil {
		return nil, nil, err
	}
	if data != "" {
		if cfg.Unlabelled { // such a run holds nothing out
			cfg.ValFraction = 0
		}
		cfg.Data, cfg.Unlabelled = data, false
	}
	d, err := openImages(cfg)
	if err != nil {
		return nil, nil, err
	}
	return d.train, d.held, nil
}
