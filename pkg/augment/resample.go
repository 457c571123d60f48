package augment

import (
	"image"
	"math"
)

// axis holds the weights that resample n values to m along one direction:
// output i is scale[i] times the sum over k of input[start[i]+k]·weight[i·taps+k].
type axis struct {
	taps   int
	start  []int
	weight []float64
	scale  []float64
}

// newAxis computes the bilinear filter of imaging.Resize: a triangle one output
// or one input pixel wide on either side, whichever is larger, cut at the
// border and normalised. imaging weighs by an alpha of 255 and divides by the
// sum; so do we, to round where it rounds.
func newAxis(n, m int) *axis {
	step := float64(n) / float64(m)
	width := max(step, 1)
	reach := math.Ceil(width)
	rows := make([][]float64, m)
	a := &axis{start: make([]int, m), scale: make([]float64, m)}
	for i := range m {
		center := (float64(i)+0.5)*step - 0.5
		first := max(0, int(math.Ceil(center-reach)))
		last := min(n-1, int(math.Floor(center+reach)))
		sum := 0.0
		for u := first; u <= last; u++ {
			w := 1 - math.Abs((float64(u)-center)/width)
			if w <= 0 {
				if len(rows[i]) == 0 {
					first++
				}
				continue
			}
			rows[i] = append(rows[i], w)
			sum += w
		}
		total := 0.0
		for k, w := range rows[i] {
			rows[i][k] = 255 * (w / sum)
			total += rows[i][k]
		}
		a.start[i], a.scale[i] = first, 1/total
		a.taps = max(a.taps, len(rows[i]))
	}
	a.pad(rows, n)
	return a
}

// pad gives every output the same number of weights, with zeros where its own
// are fewer, and keeps them within the n inputs.
func (a *axis) pad(rows [][]float64, n int) {
	a.weight = make([]float64, len(rows)*a.taps)
	for i, row := range rows {
		start := min(a.start[i], n-a.taps)
		copy(a.weight[i*a.taps+a.start[i]-start:], row)
		a.start[i] = start
	}
}

// resample resizes the crop of img to width×height into s.pix, mirrored where
// flip is set: rows first, rounded to 8 bits, then columns.
func (s *scratch) resample(img *image.NRGBA, crop image.Rectangle, width, height int, flip bool) {
	s.size(width, height)
	across, down := s.axis(crop.Dx(), width), s.axis(crop.Dy(), height)
	s.wide = grow(s.wide, 3*crop.Dy()*width)
	s.row = grow(s.row, 3*crop.Dx())
	for y := range crop.Dy() {
		from := img.Pix[img.PixOffset(crop.Min.X, crop.Min.Y+y):][:4*crop.Dx()]
		row := s.row
		for ; len(from) >= 4 && len(row) >= 3; from, row = from[4:], row[3:] {
			row[0], row[1], row[2] = float64(from[0]), float64(from[1]), float64(from[2])
		}
		across.apply(s.wide[3*y*width:][:3*width], s.row)
	}
	for y := range height {
		down.column(s.pix[3*y*width:][:3*width], s.wide, y)
	}
	if flip {
		s.flip()
	}
}

// round8 is a mean of 8-bit values, rounded.
func round8(x float64) int32 { return int32(x + 0.5) }

// apply resamples one row of RGB values.
func (a *axis) apply(to, from []float64) {
	if a.taps == 2 {
		for i, first := range a.start {
			w0, w1, scale := a.weight[2*i], a.weight[2*i+1], a.scale[i]
			p := from[3*first : 3*first+6 : 3*first+6]
			q := to[3*i : 3*i+3 : 3*i+3]
			q[0] = float64(round8((p[0]*w0 + p[3]*w1) * scale))
			q[1] = float64(round8((p[1]*w0 + p[4]*w1) * scale))
			q[2] = float64(round8((p[2]*w0 + p[5]*w1) * scale))
		}
		return
	}
	for i, first := range a.start {
		var r, g, b float64
		p := from[3*first:]
		for k, w := range a.weight[i*a.taps:][:a.taps] {
			r += p[3*k] * w
			g += p[3*k+1] * w
			b += p[3*k+2] * w
		}
		scale := a.scale[i]
		to[3*i], to[3*i+1], to[3*i+2] = float64(round8(r*scale)), float64(round8(g*scale)), float64(round8(b*scale))
	}
}

// column computes row y of the result from the rows of wide.
func (a *axis) column(out []uint8, wide []float64, y int) {
	n, scale := len(out), a.scale[y]
	weight := a.weight[y*a.taps:][:a.taps]
	wide = wide[a.start[y]*n:][:a.taps*n]
	if a.taps == 2 {
		upper, lower := wide[:n], wide[n:2*n]
		w0, w1 := weight[0], weight[1]
		for x := range out {
			out[x] = uint8(round8((upper[x]*w0 + lower[x]*w1) * scale))
		}
		return
	}
	for x := range out {
		sum := 0.0
		for k, w := range weight {
			sum += wide[k*n+x] * w
		}
		out[x] = uint8(round8(sum * scale))
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
