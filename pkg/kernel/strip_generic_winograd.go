package kernel

import "math"

// The one-dimensional transforms of F(4×4,3×3): Lavin & Gray 2016, arXiv 1509.09308, with the points
// 0, ±√2/2, ±√2, ∞, which lose half as many bits as their 0, ±1, ±2, ∞. Y = Aᵀ·[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]·A; the gradient by the filter takes A and Gᵀ.
const root2 = math.Sqrt2

var (
	winogradBT = [][]float32{
		{1, 0, -2.5, 0, 1, 0}, {0, -root2, -2, root2 / 2, 1, 0}, {0, root2, -2, -root2 / 2, 1, 0},
		{0, -root2 / 2, -0.5, root2, 1, 0}, {0, root2 / 2, -0.5, -root2, 1, 0}, {0, 1, 0, -2.5, 0, 1},
	}
	winogradG = [][]float32{
		{1, 0, 0}, {-2. / 3, -root2 / 3, -1. / 3}, {-2. / 3, root2 / 3, -1. / 3},
		{1. / 6, root2 / 6, 1. / 3}, {1. / 6, -root2 / 6, 1. / 3}, {0, 0, 1},
	}
	winogradAT = [][]float32{
		{1, 1, 1, 1, 1, 0}, {0, root2 / 2, -root2 / 2, root2, -root2, 0}, {0, 0.5, 0.5, 2, 2, 0},
		{0, root2 / 4, -root2 / 4, 2 * root2, -2 * root2, 1},
	}
)

var winogradGo = winograd{
	outside: func(_, _ []float32) int { return outsideGo },
	input:   gatherGo(winogradBT),
	filter:  gatherGo(winogradG),
	dy:      gatherGo(transposedMatrix(winogradAT)),
	output:  scatterGo(winogradAT),
	dw: func(c int, freq []float32, stride int, y []float32, w *tileWindow) {
		scatterGo(transposedMatrix(winogradG))(c, freq, stride, y, w, nil, nil)
	},
}

// outsideGo marks a row that is not there.
const outsideGo = math.MinInt

// pixel finds pixel (i,j) of the window; there is none outside the image.
func (win *tileWindow) pixel(i, j int) (at int, inside bool) {
	return win.rows[i] + j*win.step, win.rows[i] != outsideGo && win.cols>>j&1 == 1
}

func transposedMatrix(m [][]float32) [][]float32 {
	t := make([][]float32, len(m[0]))
	for j := range t {
		for i := range m {
			t[j] = append(t[j], m[i][j])
		}
	}
	return t
}

// gatherGo: freq[f·stride+ch] = (T·X·Tᵀ)[f] with X the window of x, and 0 outside.
func gatherGo(t [][]float32) func(c int, freq []float32, stride int, x []float32, w *tileWindow) {
	side := len(t[0])
	return func(c int, freq []float32, stride int, x []float32, w *tileWindow) {
		var in, out [frequencies]float32
		for ch := range c {
			for p := range side * side {
				in[p] = 0
				if at, inside := w.pixel(p/side, p%side); inside {
					in[p] = x[at+ch]
				}
			}
			transformGo(t, &out, &in)
			for f, v := range out {
				freq[f*stride+ch] = v
			}
		}
	}
}

// scatterGo: the window of y = max(floor, bias[ch] + T·X·Tᵀ) with X[f] = freq[f·stride+ch]; what lies
// outside is left out, and so are bias and floor when they are nil.
func scatterGo(t [][]float32) func(c int, freq []float32, stride int, y []float32, w *tileWindow, bias, floor []float32) {
	side := len(t)
	return func(c int, freq []float32, stride int, y []float32, w *tileWindow, bias, floor []float32) {
		var in, out [frequencies]float32
		for ch := range c {
			for f := range in {
				in[f] = freq[f*stride+ch]
			}
			transformGo(t, &out, &in)
			for p, v := range out[:side*side] {
				at, inside := w.pixel(p/side, p%side)
				if !inside {
					continue
				}
				if bias != nil {
					v = max(v+bias[ch], floor[0])
				}
				y[at+ch] = v
			}
		}
	}
}

// transformGo: y = T·x·Tᵀ for square x.
func transformGo(t [][]float32, y, x *[36]float32) {
	out, in := len(t), len(t[0])
	var half [36]float32 // T·x, (out, in)
	for i, row := range t {
		for k, v := range row {
			if v == 0 {
				continue
			}
			for j := range in {
				half[i*in+j] += v * x[k*in+j]
			}
		}
	}
	for i := range out {
		for j, row := range t {
			var s float32
			for k, v := range row {
				s += half[i*in+k] * v
			}
			y[i*out+j] = s
		}
	}
}
