package kernel

// strips are the inner loops over memory of one branch. They run in one thread; rows are tightly
// packed, (rows, c). The formulas stand at the plain Go forms in strip_generic.go.
type strips struct {
	relu        func(y, x []float32)
	reluGrad    func(dx, dy, y []float32)
	add         func(dst, a, b []float32)
	addPast     func(dst, a, b []float32) // with stores past the cache, dst aligned; nil where there is none
	addBias     func(rows, c int, y, bias []float32)
	columnSums  func(rows, c int, sums, x []float32)
	moments     func(rows, c int, sum, square, x, pivot []float32)
	normalize   func(rows, c int, y, x, residual, mean, scale, shift []float32, mode normMode)
	normSums    func(rows, c int, sumDy, sumDyX, dy, y, x, mean []float32)
	normGrad    func(rows, c int, dx, dresidual, dy, y, x []float32, n *normCoefficients)
	maxPool     func(c int, y []float32, argmax []uint8, window []windowPixel, x []float32)
	maxPoolGrad func(c int, dx []float32, window []windowPixel, dy []float32, argmax []uint8)
	transpose   func(rows, cols int, dst []float32, ldd int, src []float32, lds int)
	dot         func(a, b []float32) float32
	axpy        func(y []float32, alpha float32, x []float32)
	lerp        func(y []float32, alpha float32, x []float32)
	scale       func(y []float32, alpha float32, x []float32)
	sgd         func(p, v, g []float32, s *SGDStep)
	adamW       func(p, m, v, g []float32, s *adamWStep)
	maxRow      func(x []float32) float32
	expSum      func(dst, src []float32, scale, max float32) float32

	winograd
}

// winograd are the transforms of F(4×4,3×3) for c channels of one tile, between a window of pixels and
// 36 frequencies that lie stride apart.
type winograd struct {
	outside func(x, beyond []float32) int // what a row outside the image has in a tileWindow over x
	input   func(c int, freq []float32, stride int, x []float32, w *tileWindow)
	filter  func(c int, freq []float32, stride int, x []float32, w *tileWindow)
	dy      func(c int, freq []float32, stride int, x []float32, w *tileWindow)
	output  func(c int, freq []float32, stride int, y []float32, w *tileWindow, bias, floor []float32)
	// outputPast is output with stores past the cache, for whole cache lines; nil where there is none.
	outputPast func(c int, freq []float32, stride int, y []float32, w *tileWindow, bias, floor []float32)
	dw         func(c int, freq []float32, stride int, y []float32, w *tileWindow)
}

// tileWindow is a square of pixels, part of which may lie outside the image: rows are then read from
// zeros, or written where nobody looks; columns are left out.
type tileWindow struct {
	rows [tileIn]int // where each row of the window begins, in floats
	step int         // from pixel to pixel
	cols int         // bit j: column j lies inside
	down int         // from a row to the one that the tile below has in its place, in floats
}

// normMode is how a normalisation ends: clamped at zero, stored past the cache where that can be done.
type normMode struct{ relu, past bool }

// normCoefficients are the columns' numbers in dx = scale·(dy' − meanDy − (x−mean)·slope), each (C).
type normCoefficients struct {
	scale, meanDy, mean, slope []float32
	past                       bool // store past the cache where that can be done
}

// windowPixel is one pixel of a pooling window: where its channels begin, and its place in the window.
type windowPixel struct {
	at    int
	index uint8
}
