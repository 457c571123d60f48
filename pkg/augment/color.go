package augment

import (
	"math"
	"sync"
)

// The pixel arithmetic of Pillow, which torchvision's transforms rest on. Both
// ways of making a view use it, so that they cannot differ in colour.

// luma is Pillow's conversion to "L": ITU-R 601-2 in 16-bit fixed point.
func luma(r, g, b uint8) uint8 {
	return uint8((19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 0x8000) >> 16)
}

// blend is Pillow's Image.blend: from + factor·(to - from), cut to 0..255 and
// truncated. ImageEnhance blends from black (brightness), from the mean grey
// (contrast) or from the pixel's own grey (saturation).
func blend(from, to uint8, factor float32) uint8 {
	v := float32(from) + float32(factor*float32(int32(to)-int32(from)))
	return uint8(max(0, min(255, int32(v))))
}

// blendTable is blend from one value to every other.
func blendTable(table *[256]uint8, from uint8, factor float32) {
	for v := range table {
		table[v] = blend(from, uint8(v), factor)
	}
}

// meanGray is the rounded mean of a picture's luma, from its sum.
func meanGray(sum, pixels int) uint8 {
	return uint8(math.Floor(float64(sum)/float64(pixels) + 0.5))
}

// hueShift is the shift of Pillow's 8-bit hue for a factor in turns, truncated
// towards zero and wrapped as numpy's uint8 cast does it.
func hueShift(factor float64) uint8 { return uint8(int(factor * 255)) }

// hueTables replaces the divisions of Pillow's rgb2hsv and the cases of its
// hsv2rgb.
type hueTables struct {
	// hue[k][range][difference+255]: the 8-bit hue where channel k is the largest,
	// range = max - min, difference = next channel but one… of the other two:
	// g-b, b-r, r-g.
	hue [3][256][512]uint8
	// saturation[max][range] is the 8-bit saturation.
	saturation [256][256]uint8
	// absence[h] holds, for each channel, how far (of 255) it falls from full
	// value towards value·(1 - saturation) at 8-bit hue h.
	absence [256][4]uint8
}

var hues = sync.OnceValue(func() *hueTables {
	t := &hueTables{}
	for span := 1; span < 256; span++ {
		for difference := -span; difference <= span; difference++ {
			for k := range 3 {
				t.hue[k][span][difference+255] = hueOf(k, span, difference)
			}
		}
		for top := span; top < 256; top++ {
			t.saturation[top][span] = uint8(float64(float32(span)/float32(top)) * 255)
		}
	}
	for h := range 256 {
		for k := range 3 {
			t.absence[h][k] = absenceOf(k, h)
		}
	}
	return t
})

// hueOf follows Pillow's rgb2hsv step by step, in its mixture of float and
// double: one of the two smaller channels is the minimum, so difference/span is
// 1 - x or x - 1 with x the other's distance from the top.
func hueOf(k, span, difference int) uint8 {
	x := float32(span-max(difference, -difference)) / float32(span)
	h := 1 - float64(x)
	if difference < 0 {
		h = -h
	}
	h = float64(float32(2*float64(k) + h))
	turn := float64(float32(math.Mod(h/6+1, 1)))
	return uint8(min(255, int(turn*255)))
}

// absenceOf is hsv2rgb's choice of p (255), q, t or v (0) as one number: with
// sixths = 6h/255 = i + f, q falls by f and t by 1 - f.
func absenceOf(k, h int) uint8 {
	// In 255ths of a sixth of the circle, counted from the channel's own hue:
	// red at 0, green at 2, blue at 4 sixths.
	const sixth = 255
	from := 6*h - 2*k*sixth
	distance := min(abs(from), abs(from+6*sixth), abs(from-6*sixth))
	return uint8(max(0, min(sixth, distance-sixth)))
}

func abs(x int) int { return max(x, -x) }

// shift rotates the hue of one pixel as converting it to Pillow's 8-bit HSV,
// adding, and converting back do.
func (t *hueTables) shift(r, g, b, by uint8) (uint8, uint8, uint8) {
	top, bottom := max(r, g, b), min(r, g, b)
	span := top - bottom
	if span == 0 {
		return r, g, b
	}
	var h uint8
	switch top {
	case r:
		h = t.hue[0][span][255+int(g)-int(b)]
	case g:
		h = t.hue[1][span][255+int(b)-int(r)]
	default:
		h = t.hue[2][span][255+int(r)-int(g)]
	}
	s := uint32(t.saturation[top][span])
	a := &t.absence[h+by]
	return fall(top, s, a[0]), fall(top, s, a[1]), fall(top, s, a[2])
}

// fall is round(value·(1 - saturation/255·absence/255)); a tie cannot occur,
// since 255² is odd.
func fall(value uint8, saturation uint32, absence uint8) uint8 {
	const one = 255 * 255
	return uint8((2*uint32(value)*(one-saturation*uint32(absence)) + one) / (2 * one))
}

func solarizeValue(v, threshold uint8) uint8 {
	if v < threshold {
		return v
	}
	return 255 - v
}
