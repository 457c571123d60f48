package config

import (
	"supcon/pkg/augment"
	"supcon/pkg/fault"
)

// AsRecipe in a strength leaves it to the recipe.
const AsRecipe = -1

// strength ties a key to the field of a recipe that it overrides.
type strength struct {
	key             string
	own, recipe     *float64
	least, greatest float64
}

// strengths lists what the keys of r change in a recipe.
func (r *Run) strengths(a *augment.Recipe) []strength {
	return []strength{
		{"crop_scale_min", &r.CropScaleMin, &a.CropScale[0], 0, 1},
		{"crop_scale_max", &r.CropScaleMax, &a.CropScale[1], 0, 1},
		{"crop_ratio_min", &r.CropRatioMin, &a.CropRatio[0], 0.01, 100},
		{"crop_ratio_max", &r.CropRatioMax, &a.CropRatio[1], 0.01, 100},
		{"flip_prob", &r.FlipProb, &a.FlipProb, 0, 1},
		{"jitter_prob", &r.JitterProb, &a.JitterProb, 0, 1},
		{"brightness", &r.Brightness, &a.Brightness, 0, 10},
		{"contrast", &r.Contrast, &a.Contrast, 0, 10},
		{"saturation", &r.Saturation, &a.Saturation, 0, 10},
		{"hue", &r.Hue, &a.Hue, 0, 0.5},
		{"grayscale_prob", &r.GrayscaleProb, &a.GrayscaleProb, 0, 1},
		{"blur_prob", &r.BlurProb, &a.BlurProb, 0, 1},
		{"blur_sigma_min", &r.BlurSigmaMin, &a.BlurSigma[0], 0.01, 1000},
		{"blur_sigma_max", &r.BlurSigmaMax, &a.BlurSigma[1], 0.01, 1000},
		{"solarize_prob", &r.SolarizeProb, &a.SolarizeProb, 0, 1},
		{"solarize_threshold", &r.SolarizeThreshold, &a.SolarizeThreshold, 0, 255},
	}
}

// validateStrengths checks each strength that is given on its own.
func (r Run) validateStrengths() error {
	for _, s := range r.strengths(&augment.Recipe{}) {
		if v := *s.own; v != AsRecipe && !(v >= s.least && v <= s.greatest) {
			return fault.Usage.Errorf("config: %s is %v; it must be from %v to %v, or -1 for the recipe's", s.key, v, s.least, s.greatest)
		}
	}
	return nil
}

// forgetStrengths sets the strengths that come from a file aside, all but the
// given keys: a recipe named on the command line means that recipe, even where a
// run's config.yaml spells out another's values.
func (r *Run) forgetStrengths(given map[string]string) {
	for _, s := range r.strengths(&augment.Recipe{}) {
		if _, ok := given[s.key]; !ok {
			*s.own = AsRecipe
		}
	}
}

// RecipeFor makes the recipe of the run's views, normalised by mean and std, and
// writes the strengths that were left to it into r. The image size and the name
// must be settled (ResolveAutomatic).
func (r *Run) RecipeFor(mean, std [3]float32) (*augment.Recipe, error) {
	a, err := augment.New(r.Recipe, r.ImageSize, mean, std)
	if err != nil {
		return nil, err
	}
	a.Imaging = r.ViewsThrough == "imaging"
	if !a.Crop {
		a.CropScale[0] = 0 // how the key says that nothing is cropped
	}
	for _, s := range r.strengths(a) {
		if *s.own == AsRecipe {
			*s.own = *s.recipe
		}
		*s.recipe = *s.own
	}
	a.Crop = a.CropScale[0] > 0
	for _, k := range []struct {
		what  string
		bound [2]float64
	}{{"crop_scale", a.CropScale}, {"crop_ratio", a.CropRatio}, {"blur_sigma", a.BlurSigma}} {
		if k.bound[0] > k.bound[1] {
			return nil, fault.Usage.Errorf("config: %s_min is %v and %s_max %v; the first must not be above the second", k.what, k.bound[0], k.what, k.bound[1])
		}
	}
	return a, a.Check()
}
