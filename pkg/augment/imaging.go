package augment

import (
	"image"
	"image/color"

	"github.com/disintegration/imaging"
)

// throughImaging makes the view of a plan with imaging: the way of large
// pictures, and the oracle of the fused path.
func (r *Recipe) throughImaging(img *image.NRGBA, p *plan) *image.NRGBA {
	var view *image.NRGBA
	if p.crop.Empty() {
		view = Square(img, r.Size)
	} else {
		view = resizedCrop(img, p.crop, r.Size, r.Size)
	}
	if p.flip {
		view = imaging.FlipH(view)
	}
	for _, step := range p.jitter[:p.operation] {
		view = adjust(view, step)
	}
	if p.gray {
		view = grayscale(view)
	}
	if p.blur > 0 {
		view = imaging.Blur(view, p.blur)
	}
	if p.solarize {
		view = solarize(view, r.SolarizeThreshold)
	}
	return view
}

// adjust applies one step of colour jitter. imaging's own adjustments differ
// from Pillow's, so its AdjustFunc carries ours.
func adjust(img *image.NRGBA, step operation) *image.NRGBA {
	factor := float32(step.factor)
	switch step.kind {
	case brightness:
		return adjustTable(img, 0, factor)
	case contrast:
		return adjustTable(img, imageGray(img), factor)
	case saturation:
		return imaging.AdjustFunc(img, func(c color.NRGBA) color.NRGBA {
			gray := luma(c.R, c.G, c.B)
			return color.NRGBA{blend(gray, c.R, factor), blend(gray, c.G, factor), blend(gray, c.B, factor), c.A}
		})
	default:
		tables, by := hues(), hueShift(step.factor)
		return imaging.AdjustFunc(img, func(c color.NRGBA) color.NRGBA {
			red, green, blue := tables.shift(c.R, c.G, c.B, by)
			return color.NRGBA{red, green, blue, c.A}
		})
	}
}

// adjustTable blends every channel from one value.
func adjustTable(img *image.NRGBA, from uint8, factor float32) *image.NRGBA {
	var table [256]uint8
	blendTable(&table, from, factor)
	return imaging.AdjustFunc(img, func(c color.NRGBA) color.NRGBA {
		return color.NRGBA{table[c.R], table[c.G], table[c.B], c.A}
	})
}

func grayscale(img *image.NRGBA) *image.NRGBA {
	return imaging.AdjustFunc(img, func(c color.NRGBA) color.NRGBA {
		gray := luma(c.R, c.G, c.B)
		return color.NRGBA{gray, gray, gray, c.A}
	})
}

func solarize(img *image.NRGBA, threshold uint8) *image.NRGBA {
	return imaging.AdjustFunc(img, func(c color.NRGBA) color.NRGBA {
		return color.NRGBA{solarizeValue(c.R, threshold), solarizeValue(c.G, threshold), solarizeValue(c.B, threshold), c.A}
	})
}

// imageGray is the rounded mean luma of a picture that begins at (0, 0).
func imageGray(img *image.NRGBA) uint8 {
	sum := 0
	for y := range img.Rect.Dy() {
		row := img.Pix[y*img.Stride:][:4*img.Rect.Dx()]
		for i := 0; i < len(row); i += 4 {
			sum += int(luma(row[i], row[i+1], row[i+2]))
		}
	}
	return meanGray(sum, img.Rect.Dx()*img.Rect.Dy())
}
