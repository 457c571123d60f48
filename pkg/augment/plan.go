package augment

import (
	"image"
	"math"

	"supcon/pkg/random"
)

// plan is one view with everything random about it decided.
type plan struct {
	crop image.Rectangle // empty: the whole picture
	flip bool
	// jitter holds the colour operations in the order they are applied.
	jitter    [4]operation
	operation int // how many of jitter are used
	gray      bool
	blur      float64 // sigma in pixels; 0 is none
	solarize  bool
}

// operation is a step of colour jitter with its factor.
type operation struct {
	kind   kind
	factor float64
}

type kind uint8

const (
	brightness kind = iota
	contrast
	saturation
	hue
)

// draw decides a view of a picture of width×height pixels. The order of the
// draws is part of what a seed reproduces.
func (r *Recipe) draw(rng *random.Source, width, height int) plan {
	var p plan
	if r.Crop {
		p.crop = r.drawCrop(rng, width, height)
	}
	p.flip = chance(rng, r.FlipProb)
	if chance(rng, r.JitterProb) {
		r.drawJitter(rng, &p)
	}
	p.gray = chance(rng, r.GrayscaleProb)
	if chance(rng, r.BlurProb) {
		p.blur = uniform(rng, r.BlurSigma[0], r.BlurSigma[1])
	}
	p.solarize = chance(rng, r.SolarizeProb)
	return p
}

// drawCrop is torchvision's RandomResizedCrop.get_params: ten tries of an area
// and a ratio drawn uniformly, the ratio in its logarithm; then the largest
// central crop whose ratio is allowed.
func (r *Recipe) drawCrop(rng *random.Source, width, height int) image.Rectangle {
	area := float64(width) * float64(height)
	logMin, logMax := math.Log(r.CropRatio[0]), math.Log(r.CropRatio[1])
	for range 10 {
		target := area * uniform(rng, r.CropScale[0], r.CropScale[1])
		ratio := math.Exp(uniform(rng, logMin, logMax))
		w := int(math.RoundToEven(math.Sqrt(target * ratio)))
		h := int(math.RoundToEven(math.Sqrt(target / ratio)))
		if 0 < w && w <= width && 0 < h && h <= height {
			top, left := rng.IntN(height-h+1), rng.IntN(width-w+1)
			return image.Rect(left, top, left+w, top+h)
		}
	}
	w, h := width, height
	switch ratio := float64(width) / float64(height); {
	case ratio < r.CropRatio[0]:
		h = clampInt(math.RoundToEven(float64(w)/r.CropRatio[0]), height)
	case ratio > r.CropRatio[1]:
		w = clampInt(math.RoundToEven(float64(h)*r.CropRatio[1]), width)
	}
	top, left := (height-h)/2, (width-w)/2
	return image.Rect(left, top, left+w, top+h)
}

// drawJitter is torchvision's ColorJitter: a random order, and a factor for
// each operation of a strength above zero.
func (r *Recipe) drawJitter(rng *random.Source, p *plan) {
	order := [4]kind{brightness, contrast, saturation, hue}
	for i := 3; i > 0; i-- {
		j := rng.IntN(i + 1)
		order[i], order[j] = order[j], order[i]
	}
	strengths := [4]float64{r.Brightness, r.Contrast, r.Saturation, r.Hue}
	for _, k := range order {
		strength := strengths[k]
		if strength == 0 {
			continue
		}
		low, high := max(0, 1-strength), 1+strength
		if k == hue {
			low, high = -strength, strength
		}
		p.jitter[p.operation] = operation{k, uniform(rng, low, high)}
		p.operation++
	}
}

// chance draws a Bernoulli variable, without a draw where nothing is random.
func chance(rng *random.Source, probability float64) bool {
	return probability > 0 && rng.Float64() < probability
}

func uniform(rng *random.Source, low, high float64) float64 {
	return low + (high-low)*rng.Float64()
}

// clampInt is x as an int in 1..limit.
func clampInt(x float64, limit int) int { return max(1, min(int(x), limit)) }
