package augment

import (
	"image"
	"math"
)

// fusedSide is the side up to which pictures take the fused path: below it,
// what imaging spends on goroutines and channels outweighs the arithmetic.
const fusedSide = 64

// scratch is the memory of one View at a time: pixels as interleaved RGB bytes,
// and what resampling needs.
type scratch struct {
	pix           []uint8 // 3·width·height
	width, height int

	row, wide []float64
	axes      map[[2]int]*axis
	blurred   []uint8

	normal    [3][256]float32
	mean, std [3]float32
}

func newScratch() *scratch { return &scratch{axes: map[[2]int]*axis{}} }

// size makes s.pix a width×height picture of undefined content.
func (s *scratch) size(width, height int) {
	s.width, s.height = width, height
	s.pix = grow(s.pix, 3*width*height)
}

// load copies a picture that begins at (0, 0).
func (s *scratch) load(img *image.NRGBA) {
	s.size(img.Rect.Dx(), img.Rect.Dy())
	i := 0
	for y := range s.height {
		row := img.Pix[y*img.Stride:][:4*s.width]
		for x := 0; x < len(row); x += 4 {
			s.pix[i], s.pix[i+1], s.pix[i+2] = row[x], row[x+1], row[x+2]
			i += 3
		}
	}
}

// image copies the pixels out.
func (s *scratch) image() *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, s.width, s.height))
	for i := range s.width * s.height {
		copy(img.Pix[4*i:], s.pix[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	return img
}

// whole makes the evaluation square of a small picture.
func (s *scratch) whole(img *image.NRGBA, size int, flip bool) {
	part, to, corner := wholeGeometry(img.Rect.Dx(), img.Rect.Dy(), size)
	s.resample(img, part, to.X, to.Y, false)
	for y := range size {
		copy(s.pix[3*y*size:], s.pix[3*((corner.Y+y)*to.X+corner.X):][:3*size])
	}
	s.size(size, size)
	if flip {
		s.flip()
	}
}

func (s *scratch) flip() {
	for y := range s.height {
		row := s.pix[3*y*s.width:][:3*s.width]
		for i, j := 0, len(row)-3; i < j; i, j = i+3, j-3 {
			row[i], row[j] = row[j], row[i]
			row[i+1], row[j+1] = row[j+1], row[i+1]
			row[i+2], row[j+2] = row[j+2], row[i+2]
		}
	}
}

// color applies what a plan says after cropping and flipping.
func (s *scratch) color(p *plan, threshold uint8) {
	for _, step := range p.jitter[:p.operation] {
		factor := float32(step.factor)
		switch step.kind {
		case brightness:
			s.blendFrom(0, factor)
		case contrast:
			s.blendFrom(s.gray(), factor)
		case saturation:
			s.saturate(factor)
		case hue:
			s.shiftHue(hueShift(step.factor))
		}
	}
	if p.gray {
		s.grayscale()
	}
	if p.blur > 0 {
		s.blur(p.blur)
	}
	if p.solarize {
		for i, v := range s.pix {
			s.pix[i] = solarizeValue(v, threshold)
		}
	}
}

// gray is the rounded mean luma.
func (s *scratch) gray() uint8 {
	sum, pix := 0, s.pix
	for ; len(pix) >= 3; pix = pix[3:] {
		sum += int(luma(pix[0], pix[1], pix[2]))
	}
	return meanGray(sum, s.width*s.height)
}

func (s *scratch) blendFrom(from uint8, factor float32) {
	var table [256]uint8
	blendTable(&table, from, factor)
	for i, v := range s.pix {
		s.pix[i] = table[v]
	}
}

func (s *scratch) saturate(factor float32) {
	for pix := s.pix; len(pix) >= 3; pix = pix[3:] {
		gray := luma(pix[0], pix[1], pix[2])
		pix[0], pix[1], pix[2] = blend(gray, pix[0], factor), blend(gray, pix[1], factor), blend(gray, pix[2], factor)
	}
}

func (s *scratch) shiftHue(by uint8) {
	tables := hues()
	for pix := s.pix; len(pix) >= 3; pix = pix[3:] {
		pix[0], pix[1], pix[2] = tables.shift(pix[0], pix[1], pix[2], by)
	}
}

func (s *scratch) grayscale() {
	for pix := s.pix; len(pix) >= 3; pix = pix[3:] {
		gray := luma(pix[0], pix[1], pix[2])
		pix[0], pix[1], pix[2] = gray, gray, gray
	}
}

// blur is imaging.Blur: a Gaussian cut at three sigma and at the border, where
// its weights are normalised anew; rows first, rounded, then columns.
func (s *scratch) blur(sigma float64) {
	var kernel [3*fusedSide + 1]float64
	radius := min(int(math.Ceil(3*sigma)), 3*fusedSide)
	for i := range radius + 1 {
		kernel[i] = math.Exp(-float64(i*i) / (2 * sigma * sigma))
	}
	s.blurred = grow(s.blurred, len(s.pix))
	for y := range s.height {
		offset := 3 * y * s.width
		blurLine(s.blurred[offset:], s.pix[offset:], s.width, 3, kernel[:radius+1])
	}
	for x := range s.width {
		blurLine(s.pix[3*x:], s.blurred[3*x:], s.height, 3*s.width, kernel[:radius+1])
	}
}

// blurLine blurs n pixels that lie step bytes apart.
func blurLine(to, from []uint8, n, step int, kernel []float64) {
	radius := len(kernel) - 1
	for i := range n {
		var r, g, b, sum float64
		for k := max(0, i-radius); k <= min(n-1, i+radius); k++ {
			weight := kernel[abs(i-k)]
			pixel := from[k*step:][:3]
			sum += weight
			r += weight * float64(pixel[0])
			g += weight * float64(pixel[1])
			b += weight * float64(pixel[2])
		}
		pixel := to[i*step:][:3]
		pixel[0], pixel[1], pixel[2] = uint8(r/sum+0.5), uint8(g/sum+0.5), uint8(b/sum+0.5)
	}
}
