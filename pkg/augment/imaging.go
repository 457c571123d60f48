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
		c.put(link{kind: linkGray})
	}
	if p.blur > 0 {
		view = imaging.Blur(c.apply(view), p.blur)
	}
	if p.solarize {
		c.solarize(r.solarizeFrom())
	}
	return c.apply(view)
}

// chain is a row of operations on single pixels, at most one of each kind of
// jitter, a grayscale and a solarisation.
type chain struct {
	links  [6]link
	tables [3][256]uint8 // of the links of kind linkTable, in their order
	length int
	tabled int
}

// link is one operation.
type link struct {
	kind   linkKind
	table  *[256]uint8
	factor float32
	by     uint8
}

type linkKind uint8

const (
	linkTable linkKind = iota // each value through a table
	linkSaturation
	linkHue
	linkGray
)

func (c *chain) put(l link) {
	c.links[c.length] = l
	c.length++
}

// nextTable appends a link with a table to be filled.
func (c *chain) nextTable() *[256]uint8 {
	table := &c.tables[c.tabled]
	c.tabled++
	c.put(link{kind: linkTable, table: table})
	return table
}

// add appends a step of colour jitter; from is what brightness and contrast
// blend from.
func (c *chain) add(step operation, from uint8) {
	factor := float32(step.factor)
	switch step.kind {
	case brightness, contrast:
		blendTable(c.nextTable(), from, factor)
	case saturation:
		c.put(link{kind: linkSaturation, factor: factor})
	case hue:
		c.put(link{kind: linkHue, by: hueShift(step.factor)})
	}
}

// solarize appends a solarisation.
func (c *chain) solarize(threshold uint8) {
	table := c.nextTable()
	for v := range table {
		table[v] = solarizeValue(uint8(v), threshold)
	}
}

// apply carries the chain out and empties it. imaging's own adjustments differ
// from Pillow's, so its AdjustFunc carries ours.
func (c *chain) apply(img *image.NRGBA) *image.NRGBA {
	links, tables := c.links[:c.length], hues()
	c.length = 0
	if len(links) == 0 {
		return img
	}
	return imaging.AdjustFunc(img, func(p color.NRGBA) color.NRGBA {
		r, g, b := p.R, p.G, p.B
		for i := range links {
			switch l := &links[i]; l.kind {
			case linkTable:
				r, g, b = l.table[r], l.table[g], l.table[b]
			case linkSaturation:
				gray := luma(r, g, b)
				r, g, b = blend(gray, r, l.factor), blend(gray, g, l.factor), blend(gray, b, l.factor)
			case linkHue:
				r, g, b = tables.shift(r, g, b, l.by)
			case linkGray:
				gray := luma(r, g, b)
				r, g, b = gray, gray, gray
			}
		}
		return color.NRGBA{r, g, b, p.A}
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
