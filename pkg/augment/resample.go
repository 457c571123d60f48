package augment

import (
	"image"
	"math"
)

// Three channels travel in one 64-bit word, 21 bits apart, so that one
// multiplication weighs them all: 8 bits of value, 12 of weight, one spare.
const (
	laneBits   = 21
	weightBits = 12
	laneMask   = 0xff | 0xff<<laneBits | 0xff<<(2*laneBits)
	half       = (1 | 1<<laneBits | 1<<(2*laneBits)) << (weightBits - 1)
)

func pack(r, g, b uint8) uint64 {
	return uint64(r) | uint64(g)<<laneBits | uint64(b)<<(2*laneBits)
}

// axis holds the weights that resample n values to m along one direction:
// output i is the sum over k of input[start[i]+k]·weight[i·taps+k].
type axis struct {
	taps   int
	start  []int
	weight []uint64
}

// newAxis computes Pillow's bilinear filter: a triangle one output or one input
// pixel wide on either side, whichever is larger, cut at the border and
// normalised; in 12-bit fixed point with the rounding error given to the
// largest weight, so that a constant stays constant.
func newAxis(n, m int) *axis {
	scale := float64(n) / float64(m)
	support := max(1, scale)
	taps := min(n, int(math.Ceil(support))*2+1)
	if n <= m {
		taps = min(n, 2) // a triangle of width 2 covers at most two pixel centres
	}
	a := &axis{taps: taps, start: make([]int, m), weight: make([]uint64, m*taps)}
	exact := make([]float64, taps)
	for i := range m {
		center := (float64(i) + 0.5) * scale
		first := int(math.Ceil(center - support - 0.5))
		first = max(0, min(first, n-taps))
		sum := 0.0
		for k := range exact {
			exact[k] = max(0, 1-math.Abs(float64(first+k)+0.5-center)/support)
			sum += exact[k]
		}
		a.start[i] = first
		quantize(a.weight[i*taps:][:taps], exact, sum)
	}
	return a
}

func quantize(weight []uint64, exact []float64, sum float64) {
	const one = 1 << weightBits
	left, largest := one, 0
	for k, w := range exact {
		q := int(math.Round(w / sum * one))
		weight[k] = uint64(q)
		left -= q
		if w > exact[largest] {
			largest = k
		}
	}
	weight[largest] += uint64(left)
}

// resample resizes the crop of img to width×height into s.pix, mirrored where
// flip is set. Rows first, rounded to 8 bits, then columns, as Pillow does.
func (s *scratch) resample(img *image.NRGBA, crop image.Rectangle, width, height int, flip bool) {
	s.size(width, height)
	across, down := s.axis(crop.Dx(), width), s.axis(crop.Dy(), height)
	s.wide = grow(s.wide, crop.Dy()*width)
	s.row = grow(s.row, crop.Dx())
	for y := range crop.Dy() {
		from := img.Pix[img.PixOffset(crop.Min.X, crop.Min.Y+y):][:4*crop.Dx()]
		for x := range s.row {
			pixel := from[4*x : 4*x+3 : 4*x+3]
			s.row[x] = pack(pixel[0], pixel[1], pixel[2])
		}
		to := s.wide[y*width:][:width]
		across.apply(to, s.row)
		if flip {
			mirror(to)
		}
	}
	for y := range height {
		s.column(down, y, width)
	}
}

// apply resamples one row.
func (a *axis) apply(to, from []uint64) {
	if a.taps == 2 {
		for i, first := range a.start {
			w := a.weight[2*i : 2*i+2 : 2*i+2]
			pair := from[first : first+2 : first+2]
			to[i] = (pair[0]*w[0] + pair[1]*w[1] + half) >> weightBits & laneMask
		}
		return
	}
	for i, first := range a.start {
		sum := uint64(half)
		for k, w := range a.weight[i*a.taps:][:a.taps] {
			sum += from[first+k] * w
		}
		to[i] = sum >> weightBits & laneMask
	}
}

// column computes row y of the result from the rows of s.wide.
func (s *scratch) column(down *axis, y, width int) {
	weight := down.weight[y*down.taps:][:down.taps]
	out := s.pix[3*y*width:][:3*width]
	first := s.wide[down.start[y]*width:]
	if down.taps == 2 {
		upper, lower := first[:width], first[width:2*width]
		w0, w1 := weight[0], weight[1]
		for x, v := range upper {
			unpack(out[3*x:3*x+3:3*x+3], (v*w0+lower[x]*w1+half)>>weightBits)
		}
		return
	}
	for x := range width {
		sum := uint64(half)
		for k, w := range weight {
			sum += first[k*width+x] * w
		}
		unpack(out[3*x:3*x+3:3*x+3], sum>>weightBits)
	}
}

func unpack(out []uint8, v uint64) {
	out[0], out[1], out[2] = uint8(v), uint8(v>>laneBits), uint8(v>>(2*laneBits))
}

func mirror(row []uint64) {
	for i, j := 0, len(row)-1; i < j; i, j = i+1, j-1 {
		row[i], row[j] = row[j], row[i]
	}
}

// axis returns the weights for n to m, computed once a scratch.
func (s *scratch) axis(n, m int) *axis {
	key := [2]int{n, m}
	a := s.axes[key]
	if a == nil {
		a = newAxis(n, m)
		s.axes[key] = a
	}
	return a
}

// grow returns a slice of n elements, buffer's where that is large enough.
func grow[T any](buffer []T, n int) []T {
	if cap(buffer) < n {
		return make([]T, n)
	}
	return buffer[:n]
}
