// Package augment turns a decoded picture and a random stream into a view: a
// normalised (H, W, C) float32 square. The operations have the semantics of
// torchvision's PIL transforms; imaging carries them out, and for pictures up
// to 64 px a fused path without goroutines stands in for it.
package augment

import (
	"fmt"
	"math"
	"strings"
	"sync"

	"supcon/pkg/fault"
)

// Recipe says how views are made. Its fields may be changed after New and
// before the first View; a Recipe is safe for concurrent use from then on.
type Recipe struct {
	Name string
	// Size is the side S of a view in pixels.
	Size int
	// Mean and Std normalise each channel: (v/255 - Mean)/Std.
	Mean, Std [3]float32

	// Crop takes a random resized crop: CropScale bounds its share of the
	// picture's area, CropRatio its width/height. Without it a view is made of
	// the whole picture, as Whole does.
	Crop                 bool
	CropScale, CropRatio [2]float64
	// FlipProb is the probability of a horizontal flip.
	FlipProb float64
	// JitterProb is the probability of colour jitter: brightness, contrast and
	// saturation factors drawn from [1-x, 1+x], a hue shift from [-Hue, Hue] of
	// the circle, in random order.
	JitterProb                            float64
	Brightness, Contrast, Saturation, Hue float64
	// GrayscaleProb is the probability that colour is taken away.
	GrayscaleProb float64
	// BlurProb is the probability of a Gaussian blur with a standard deviation
	// drawn from BlurSigma, in pixels.
	BlurProb  float64
	BlurSigma [2]float64
	// SolarizeProb is the probability that values of SolarizeThreshold and above
	// are inverted.
	SolarizeProb      float64
	SolarizeThreshold float64
	// Imaging sends every view through imaging, whatever its size.
	Imaging bool

	mutex sync.Mutex
	free  []*scratch // as many as there have been Views at one time
}

// Names lists the recipes New knows.
func Names() []string { return []string{"cifar", "imagenet", "none"} }

// New returns a recipe by name for views of size×size pixels, normalised by
// mean and std (of values in [0, 1]).
//
//   - cifar: the reference SupCon recipe (Khosla et al. 2020, SupContrast
//     main_supcon.py): crop of 0.2–1 of the area, flip, jitter 0.4/0.4/0.4/0.1 with
//     probability 0.8, grayscale 0.2.
//   - imagenet: the same with Gaussian blur (sigma 0.1–2 px, probability 0.5), as
//     MoCo v2 has it (Chen et al. 2020, arXiv:2003.04297). SimCLR's own is
//     stronger: area from 0.08, jitter 0.8/0.8/0.8/0.2.
//   - none: every view is the whole picture. The strengths are those of cifar,
//     to be had by raising a probability.
func New(name string, size int, mean, std [3]float32) (*Recipe, error) {
	r := &Recipe{
		Name: name, Size: size, Mean: mean, Std: std,
		CropScale: [2]float64{0.2, 1}, CropRatio: [2]float64{3. / 4, 4. / 3},
		Brightness: 0.4, Contrast: 0.4, Saturation: 0.4, Hue: 0.1,
		BlurSigma: [2]float64{0.1, 2}, SolarizeThreshold: 128,
	}
	switch name {
	case "none":
	case "cifar", "imagenet":
		r.Crop, r.FlipProb, r.JitterProb, r.GrayscaleProb = true, 0.5, 0.8, 0.2
		if name == "imagenet" {
			r.BlurProb = 0.5
		}
	default:
		return nil, fault.Usage.Errorf("augment: unknown recipe %q; there are %s", name, strings.Join(Names(), ", "))
	}
	return r, r.Check()
}

// maxSize bounds a view's side: above it a batch would not fit any memory.
const maxSize = 4096

// Check reports a setting that makes no sense as a usage error.
func (r *Recipe) Check() error {
	if r.Size < 1 || r.Size > maxSize {
		return fault.Usage.Errorf("augment: image size %d is not in 1..%d pixels", r.Size, maxSize)
	}
	for c, std := range r.Std {
		if !(std > 0) {
			return fault.Usage.Errorf("augment: the standard deviation %g of channel %d is not positive", std, c)
		}
	}
	for _, p := range []struct {
		name  string
		value float64
	}{
		{"flip", r.FlipProb}, {"jitter", r.JitterProb}, {"grayscale", r.GrayscaleProb},
		{"blur", r.BlurProb}, {"solarize", r.SolarizeProb},
	} {
		if !(p.value >= 0 && p.value <= 1) {
			return fault.Usage.Errorf("augment: the probability of %s, %g, is not in 0..1", p.name, p.value)
		}
	}
	return r.checkRanges()
}

func (r *Recipe) checkRanges() error {
	switch {
	case r.Crop && !(0 < r.CropScale[0] && r.CropScale[0] <= r.CropScale[1] && r.CropScale[1] <= 1):
		return fault.Usage.Errorf("augment: the crop scale %g..%g is not a range in 0..1", r.CropScale[0], r.CropScale[1])
	case r.Crop && !(0 < r.CropRatio[0] && r.CropRatio[0] <= r.CropRatio[1]):
		return fault.Usage.Errorf("augment: the crop ratio %g..%g is not a range of positive numbers", r.CropRatio[0], r.CropRatio[1])
	case !(r.Brightness >= 0 && r.Contrast >= 0 && r.Saturation >= 0):
		return fault.Usage.Errorf("augment: the jitter strengths %g, %g, %g must not be negative", r.Brightness, r.Contrast, r.Saturation)
	case !(r.Hue >= 0 && r.Hue <= 0.5):
		return fault.Usage.Errorf("augment: the hue jitter %g is not in 0..0.5 of the circle", r.Hue)
	case r.BlurProb > 0 && !(0 < r.BlurSigma[0] && r.BlurSigma[0] <= r.BlurSigma[1] && r.BlurSigma[1] <= maxSize):
		return fault.Usage.Errorf("augment: the blur sigma %g..%g is not a range of positive numbers", r.BlurSigma[0], r.BlurSigma[1])
	case !(r.SolarizeThreshold >= 0 && r.SolarizeThreshold <= 255):
		return fault.Usage.Errorf("augment: the solarize threshold %g is not in 0..255", r.SolarizeThreshold)
	}
	return nil
}

// solarizeFrom is the least 8-bit value that solarising inverts.
func (r *Recipe) solarizeFrom() uint8 { return uint8(math.Ceil(r.SolarizeThreshold)) }

// String describes the recipe in one line.
func (r *Recipe) String() string {
	parts := []string{fmt.Sprintf("%s %d px", r.Name, r.Size)}
	add := func(used bool, format string, args ...any) {
		if used {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(!r.Crop, "whole picture")
	add(r.Crop, "crop %.3g–%.3g of the area at ratio %.3g–%.3g", r.CropScale[0], r.CropScale[1], r.CropRatio[0], r.CropRatio[1])
	add(r.FlipProb > 0, "flip p=%g", r.FlipProb)
	add(r.JitterProb > 0, "jitter p=%g (brightness %g, contrast %g, saturation %g, hue %g)",
		r.JitterProb, r.Brightness, r.Contrast, r.Saturation, r.Hue)
	add(r.GrayscaleProb > 0, "grayscale p=%g", r.GrayscaleProb)
	add(r.BlurProb > 0, "blur p=%g (sigma %g–%g px)", r.BlurProb, r.BlurSigma[0], r.BlurSigma[1])
	add(r.SolarizeProb > 0, "solarize p=%g (from %g)", r.SolarizeProb, r.SolarizeThreshold)
	return strings.Join(parts, "; ")
}
