package config

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"supcon/pkg/fault"
	"supcon/pkg/optim"
)

// choices lists the legal words of the settings that take one; model names are
// checked by the model package, which knows them.
func (r Run) choices() []choice {
	return []choice{
		{"loss", r.Loss, []string{"supcon", "supcon-in", "simclr", "crossentropy"}},
		{"head", r.Head, []string{"mlp", "mlp-bn", "linear"}},
		{"optimizer", r.Optimizer, optim.Names()},
		{"schedule", r.Schedule, optim.Schedules()},
		{"init", r.Init, []string{Kaiming, Whitened}},
		{"conv", r.Conv, []string{"auto", "direct"}},
		{"recipe", r.Recipe, []string{"", "cifar", "imagenet", "none"}},
		{"on_bad_image", r.OnBadImage, []string{SkipBad, FailBad}},
		{"views_through", r.ViewsThrough, []string{"auto", "imaging"}},
	}
}

type choice struct {
	key, word string
	legal     []string
}

// bound is a numeric setting with the least and the greatest value it may have.
type bound struct {
	key        string
	value      float64
	least      float64
	greatest   float64
	suggestion string
}

const (
	unbounded    = math.MaxFloat64
	maxImageSize = 4096
)

func (r Run) bounds() []bound {
	return []bound{
		{"val_fraction", r.ValFraction, 0, 0.9, "the share of images held out, 0.1 for a tenth"},
		{"per_class", float64(r.PerClass), 0, 1e9, "0 takes the images as they are"},
		{"max_pixels", float64(r.MaxPixels), 1, 1e12, "100000000 is the default"},
		{"views", float64(r.Views), 1, 64, "2 is usual"},
		{"image_size", float64(r.ImageSize), 0, maxImageSize, "0 chooses by the data"},
		{"proj_dim", float64(r.ProjDim), 1, 65536, "128 is usual"},
		{"base_temperature", r.BaseTemperature, 0, unbounded, "0 is the paper's loss"},
		{"epochs", float64(r.Epochs), 0, 1e9, "0 writes the untrained encoder"},
		{"steps", float64(r.Steps), 0, 1e15, "0 leaves the length to epochs"},
		{"minutes", r.Minutes, 0, 1e9, "0 leaves the length to epochs"},
		{"batch_size", float64(r.BatchSize), 1, 1e9, "256 is usual"},
		{"lr", r.LR, 0, unbounded, "0 scales it to the batch"},
		{"restarts", float64(r.Restarts), 0, 1e6, "0 never begins again"},
		{"decay_rate", r.DecayRate, 1e-9, 1, "0.1 is usual"},
		{"warmup_epochs", r.WarmupEpochs, -1, 1e9, "-1 chooses by the batch size"},
		{"threads", float64(r.Threads), 0, 4096, "0 uses all cores"},
		{"workers", float64(r.Workers), 0, 4096, "0 chooses by the machine"},
		{"knn_every_epochs", float64(r.KNNEveryEpochs), 1, 1e9, "10 is usual"},
		{"early_stop", float64(r.EarlyStop), 0, 1e9, "0 never ends a run before its length"},
		{"checkpoint_every_steps", float64(r.CheckpointEverySteps), 0, 1e15, "0 saves at each epoch's end"},
		{"checkpoint_every_minutes", r.CheckpointEveryMinutes, 0, 1e9, "0 saves by steps only"},
		{"keep", float64(r.Keep), 1, 1e9, "3 is usual"},
	}
}

// Validate checks every setting that can be judged without the data. Errors
// name the key, its value and what is legal.
func (r Run) Validate() error {
	if err := r.ValidateViews(); err != nil {
		return err
	}
	if err := r.validateOptimizer(); err != nil {
		return err
	}
	return r.validateLoss()
}

// ValidateViews is Validate without what only training needs, for those who
// want the views of a run.
func (r Run) ValidateViews() error {
	if !utf8.ValidString(r.Data + r.Val) {
		return fault.Usage.Errorf("config: the path %q is not valid UTF-8 and could not be written to config.yaml; rename the folder", r.Data+r.Val)
	}
	if r.Data == "" {
		return fault.Usage.Errorf("config: no images to train on; give an image folder with --data DIR")
	}
	for _, c := range r.choices() {
		if !slices.Contains(c.legal, c.word) {
			return fault.Usage.Errorf("config: unknown %s %q%s (known: %s)", c.key, c.word,
				fault.DidYouMean(c.word, c.legal), strings.TrimPrefix(strings.Join(c.legal, ", "), ", "))
		}
	}
	for _, b := range r.bounds() {
		// The negated form also refuses NaN.
		if !(b.value >= b.least && b.value <= b.greatest) {
			return fault.Usage.Errorf("config: %s is %v; it must be %s (%s)", b.key, b.value, b.interval(), b.suggestion)
		}
	}
	if _, err := r.Phases(1); err != nil {
		return err
	}
	return r.validateStrengths()
}

func (b bound) interval() string {
	if b.greatest >= 1e9 {
		return fmt.Sprintf("at least %v", b.least)
	}
	return fmt.Sprintf("from %v to %v", b.least, b.greatest)
}

func (r Run) validateLoss() error {
	switch {
	case !(r.EMA >= 0 && r.EMA < 1):
		return fault.Usage.Errorf("config: ema is %v; it must be at least 0 and under 1 (0 is none, 0.999 is usual)", r.EMA)
	case r.Steps > 0 && r.Minutes > 0:
		return twoLengths("steps", "minutes")
	case !r.NeedsLabels() && r.Views < 2:
		return fault.Usage.Errorf("config: views is %d, but the %s loss compares views of an image with one another and needs at least 2; give --views 2", r.Views, r.Loss)
	case r.Contrastive() && !(r.Temperature > 0 && r.Temperature < unbounded):
		return fault.Usage.Errorf("config: temperature is %v; it must be above 0 (0.1 is usual for supcon, 0.5 for simclr)", r.Temperature)
	case r.PerClass > 0 && r.Unlabelled:
		return fault.Usage.Errorf("config: per_class is %d, but unlabelled images have no classes; leave one of the two out", r.PerClass)
	case r.PerClass > 0 && r.BatchSize%r.PerClass != 0:
		return fault.Usage.Errorf("config: per_class is %d, which does not divide batch_size %d; make the batch a multiple of it", r.PerClass, r.BatchSize)
	case r.Unlabelled && r.NeedsLabels():
		return fault.Usage.Errorf("config: the %s loss needs labels, but unlabelled is set; use --loss simclr", r.Loss)
	case r.Contrastive() && r.BatchSize < 2:
		return fault.Usage.Errorf("config: batch_size is 1, but a contrastive loss needs other images to tell apart; give --batch-size 2 or more")
	}
	return nil
}
