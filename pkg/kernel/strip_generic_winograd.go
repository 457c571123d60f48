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
	outside: func(_, _ []float32) int { return -1 },
	input:   gatherGo(winogradBT),
	filter:  gatherGo(winogradG),
	dy:      gatherGo(transposedMatrix(winogradAT)),
	output:  scatterGo(winogradAT),
	dw: func(c int, dst []float32, pixels []int, src []float32, stride int) {
		scatterGo(transposedMatrix(winogradG))(c, dst, pixels, src, stride, nil, nil)
	},
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

// gatherGo: dst[f·stride+i] = (T·X·Tᵀ)[f] with X[p] = src[pixels[p]+i], or 0 for a pixel below 0.
func gatherGo(t [][]float32) func(c int, dst []float32, stride int, src []float32, pixels []int) {
	return func(c int, dst []float32, stride int, src []float32, pixels []int) {
		var x, y [36]float32
		for i := range c {
			for p, at := range pixels[:len(t[0])*len(t[0])] {
				x[p] = 0
				if at >= 0 {
					x[p] = src[at+i]
				}
			}
			transformGo(t, &y, &x)
			for f := range len(t) * len(t) {
				dst[f*stride+i] = y[f]
			}
		}
	}
}

// scatterGo: dst[pixels[p]+i] = max(floor, bias[i] + (T·X·Tᵀ)[p]) with X[f] = src[f·stride+i]; pixels
// below 0 are left out, and so are bias and floor when they are nil.
func scatterGo(t [][]float32) func(c int, dst []float32, pixels []int, src []float32, stride int, bias, floor []float32) {
	return func(c int, dst []float32, pixels []int, src []float32, stride int, bias, floor []float32) {
		var x, y [36]float32
		for i := range c {
			for f := range len(t[0]) * len(t[0]) {
				x[f] = src[f*stride+i]
			}
			transformGo(t, &y, &x)
			for p, at := range pixels[:len(t)*len(t)] {
				if at < 0 {
					continue
				}
				dst[at+i] = y[p]
				if bias != nil {
					dst[at+i] = max(y[p]+bias[i], floor[0])
				}
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
