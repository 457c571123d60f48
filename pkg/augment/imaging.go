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
	return r.recolor(view, p)
}

// recolor carries out what comes after flipping. Operations on single pixels
// gather until one needs the whole picture, so that imaging walks it seldom.
func (r *Recipe) recolor(view *image.NRGBA, p *plan) *image.NRGBA {
	var c chain
	for _, step := range p.jitter[:p.operation] {
		if step.kind == contrast {
			view = c.apply(view)
			c.add(step, imageGray(view))
			continue
		}
		c.add(step, 0)
	}
	if p.gray {
		c = append(c, grayscale)
	}
	if p.blur > 0 {
		view = imaging.Blur(c.apply(view), p.blur)
	}
	if p.solarize {
		c = append(c, solarize(r.solarizeFrom()))
	}
	return c.apply(view)
}

// chain is a row of operations on single pixels.
type chain []func(c color.NRGBA) color.NRGBA

// apply carries the chain out and empties it. imaging's own adjustments differ
// from Pillow's, so its AdjustFunc carries ours.
func (c *chain) apply(img *image.NRGBA) *image.NRGBA {
	steps := *c
	*c = nil
	switch len(steps) {
	case 0:
		return img
	case 1:
		return imaging.AdjustFunc(img, steps[0])
	}
	return imaging.AdjustFunc(img, func(pixel color.NRGBA) color.NRGBA {
		for _, step := range steps {
			pixel = step(pixel)
		}
		return pixel
	})
}

// add appends a step of colour jitter; from is what brightness and contrast
// blend from.
func (c *chain) add(step operation, from uint8) {
	factor := float32(step.factor)
	switch step.kind {
	case brightness, contrast:
		table := &[256]uint8{}
		blendTable(table, from, factor)
		*c = append(*c, func(c color.NRGBA) color.NRGBA {
			return color.NRGBA{table[c.R], table[c.G], table[c.B], c.A}
		})
	case saturation:
		*c = append(*c, func(c color.NRGBA) color.NRGBA {
			gray := luma(c.R, c.G, c.B)
			return color.NRGBA{blend(gray, c.R, factor), blend(gray, c.G, factor), blend(gray, c.B, factor), c.A}
		})
	case hue:
		tables, by := hues(), hueShift(step.factor)
		*c = append(*c, func(c color.NRGBA) color.NRGBA {
			c.R, c.G, c.B = tables.shift(c.R, c.G, c.B, by)
			return c
		})
	}
}

func grayscale(c color.NRGBA) color.NRGBA {
	gray := luma(c.R, c.G, c.B)
	return color.NRGBA{gray, gray, gray, c.A}
}

func solarize(threshold uint8) func(c color.NRGBA) color.NRGBA {
	return func(c color.NRGBA) color.NRGBA {
		return color.NRGBA{solarizeValue(c.R, threshold), solarizeValue(c.G, threshold), solarizeValue(c.B, threshold), c.A}
	}
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
