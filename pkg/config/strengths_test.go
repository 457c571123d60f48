package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"supcon/pkg/augment"
	"supcon/pkg/fault"
)

func settled(t *testing.T, r *Run) *augment.Recipe {
	t.Helper()
	r.ResolveAutomatic()
	a, err := r.RecipeFor([3]float32{0.5, 0.5, 0.5}, [3]float32{0.25, 0.25, 0.25})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Every strength left alone is the recipe's own and is written out; the written
// settings make the same recipe again.
func TestStrengthsLeftAloneAreTheRecipesAndAreWrittenOut(t *testing.T) {
	for _, name := range augment.Names() {
		r := Default()
		r.Recipe, r.ImageSize = name, 32
		a := settled(t, &r)
		own, err := augment.New(name, 32, a.Mean, a.Std)
		if err != nil {
			t.Fatal(err)
		}
		if a.String() != own.String() {
			t.Errorf("%s is %s, want %s", name, a, own)
		}
		text, err := Marshal(r)
		if err != nil || strings.Contains(string(text), "-1") {
			t.Fatalf("%s: %v; an automatic setting is left in\n%s", name, err, text)
		}
		again := Default()
		if _, err := parse(text, &again); err != nil {
			t.Fatal(err)
		}
		if b := settled(t, &again); b.String() != a.String() {
			t.Errorf("%s is %s after a round trip, want %s", name, b, a)
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Each key moves its own field of the recipe and no other.
func TestEachStrengthOverridesItsField(t *testing.T) {
	for i, s := range new(Run).strengths(&augment.Recipe{}) {
		r := Default()
		r.Recipe, r.ImageSize = "imagenet", 32
		value := (s.least + s.greatest) / 2
		*r.strengths(&augment.Recipe{})[i].own = value
		r.ResolveAutomatic()
		want, err := augment.New("imagenet", 32, [3]float32{}, [3]float32{1, 1, 1})
		if err != nil {
			t.Fatal(err)
		}
		*new(Run).strengths(want)[i].recipe = value
		got, err := r.RecipeFor(want.Mean, want.Std)
		if err != nil {
			if !strings.Contains(err.Error(), s.key) {
				t.Errorf("%s = %v: %v", s.key, value, err)
			}
			continue
		}
		if got.String() != want.String() && s.key != "solarize_threshold" {
			t.Errorf("%s = %v makes %s, want %s", s.key, value, got, want)
		}
	}
}

func TestNoCropAndCropWhereTheRecipeHasNone(t *testing.T) {
	r := Default()
	r.Recipe, r.ImageSize, r.CropScaleMin = "cifar", 32, 0
	if settled(t, &r).Crop {
		t.Error("crop_scale_min 0 still crops")
	}
	r = Default()
	r.Recipe, r.ImageSize, r.CropScaleMin, r.SolarizeProb, r.ViewsThrough = "none", 32, 0.5, 0.1, "imaging"
	a := settled(t, &r)
	if !a.Crop || a.CropScale != [2]float64{0.5, 1} || a.SolarizeProb != 0.1 || a.SolarizeThreshold != 128 || !a.Imaging || a.FlipProb != 0 {
		t.Errorf("the recipe is %s", a)
	}
}

func TestBadStrengthsNameTheirKey(t *testing.T) {
	for want, change := range map[string]func(*Run){
		"flip_prob is 1.5; it must be from 0 to 1, or -1": func(r *Run) { r.FlipProb = 1.5 },
		"hue is -0.1;":         func(r *Run) { r.Hue = -0.1 },
		"blur_sigma_min is 0;": func(r *Run) { r.BlurSigmaMin = 0 },
		"crop_scale_min is 0.2 and crop_scale_max 0.1": func(r *Run) { r.CropScaleMax = 0.1 },
		"blur_sigma_min is 3 and blur_sigma_max 2":     func(r *Run) { r.BlurSigmaMin = 3 },
		`unknown on_bad_image "stop"`:                  func(r *Run) { r.OnBadImage = "stop" },
		`did you mean "imaging"`:                       func(r *Run) { r.ViewsThrough = "imagine" },
		"max_pixels is 0":                              func(r *Run) { r.MaxPixels = 0 },
		"per_class is -1":                              func(r *Run) { r.PerClass = -1 },
		"per_class is 3, which does not divide":        func(r *Run) { r.PerClass = 3 },
		"per_class is 4, but unlabelled":               func(r *Run) { r.PerClass, r.Unlabelled, r.Loss = 4, true, "simclr" },
	} {
		r := Default()
		r.Data, r.ImageSize, r.Recipe = "images", 32, "imagenet"
		change(&r)
		err := r.Validate()
		if err == nil {
			_, err = r.RecipeFor([3]float32{}, [3]float32{1, 1, 1})
		}
		if err == nil || !strings.Contains(err.Error(), want) || fault.Of(err) != fault.Usage {
			t.Errorf("error %v, want a usage error with %q", err, want)
		}
	}
}

// A recipe named on the command line is that recipe, whatever a file spells out.
func TestRecipeByFlagSetsTheFilesStrengthsAside(t *testing.T) {
	file := "recipe: cifar\nflip_prob: 0\nhue: 0.3\n"
	r, err := fromArgs(t, file)
	if err != nil || r.FlipProb != 0 || r.Hue != 0.3 {
		t.Fatalf("flip %v, hue %v, %v", r.FlipProb, r.Hue, err)
	}
	r, err = fromArgs(t, file, "--recipe", "imagenet", "--hue", "0.2")
	if err != nil || r.FlipProb != AsRecipe || r.Hue != 0.2 {
		t.Errorf("flip %v, hue %v, %v; want the recipe's and the flag's", r.FlipProb, r.Hue, err)
	}
}
