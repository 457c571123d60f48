package config

import (
	"slices"

	"github.com/spf13/pflag"

	"supcon/pkg/fault"
	"supcon/pkg/optim"
)

// FromCommandLine merges defaults, the YAML file at path ("" = none) and the
// flags that were given, in rising order of precedence. flags must have been
// filled by AddFlags with r and parsed.
func FromCommandLine(flags *pflag.FlagSet, path string, r *Run) error {
	given := map[string]string{}
	for _, f := range fields(r) {
		if flags.Changed(f.flag()) {
			given[f.key] = flagValue{f.value}.String()
		}
	}
	*r = Default()
	var inFile []string
	if path != "" {
		var err error
		if inFile, err = Load(path, r); err != nil {
			return err
		}
	}
	for _, f := range fields(r) {
		if text, ok := given[f.key]; ok {
			if err := (flagValue{f.value}).Set(text); err != nil {
				return fault.Usage.Errorf("config: --%s %q: %w", f.flag(), text, err)
			}
		}
	}
	if _, ok := given["recipe"]; ok {
		r.forgetStrengths(given)
	}
	return oneLength(r, given, inFile)
}

// lengths are the keys for the length of a run, in each of its units.
var lengths = []string{"epochs", "steps", "minutes"}

// oneLength lets a flag for one unit of length replace the file's unit and
// refuses two lengths from one source.
func oneLength(r *Run, given map[string]string, inFile []string) error {
	used := map[string]bool{"epochs": true, "steps": r.Steps > 0, "minutes": r.Minutes > 0}
	var flags, file []string
	for _, unit := range lengths {
		if _, ok := given[unit]; ok && used[unit] {
			flags = append(flags, unit)
		}
		if slices.Contains(inFile, unit) && used[unit] {
			file = append(file, unit)
		}
	}
	switch {
	case len(flags) > 1:
		return twoLengths(flags[0], flags[1])
	case len(flags) == 0 && len(file) > 1:
		return twoLengths(file[0], file[1])
	case len(flags) == 0:
		return nil
	}
	if flags[0] != "steps" {
		r.Steps = 0
	}
	if flags[0] != "minutes" {
		r.Minutes = 0
	}
	return nil
}

func twoLengths(one, other string) error {
	return fault.Usage.Errorf("config: both %s and %s are given; keep the one that says how long the run is", one, other)
}

// maxUnwarmedBatch is the largest batch that starts at its full learning rate
// by default; above it the reference repository warms up over ten epochs.
const (
	maxUnwarmedBatch = 256
	defaultWarmup    = 10
)

// largestSmallImage is the greatest side in pixels that the recipe for small
// images, the one without blur, is meant for.
const largestSmallImage = 64

// ResolveAutomatic fills in the settings whose default depends on others: the
// learning rate from the optimiser and the batch size, the warm-up from the latter, the recipe from the image
// size, which has to be known by now. The strengths are settled by Recipe.
func (r *Run) ResolveAutomatic() {
	if r.LR == 0 {
		r.LR = optim.DefaultLR(r.Optimizer, r.BatchSize)
	}
	if r.WarmupEpochs < 0 {
		r.WarmupEpochs = 0
		if r.BatchSize > maxUnwarmedBatch {
			r.WarmupEpochs = defaultWarmup
		}
	}
	if r.Recipe == "" {
		r.Recipe = "imagenet"
		if r.ImageSize <= largestSmallImage {
			r.Recipe = "cifar"
		}
	}
}
