package kernel

// strips are the inner loops over memory of one branch. They run in one thread; rows are tightly
// packed, (rows, c). The formulas stand at the plain Go forms in strip_generic.go.
type strips struct {
	relu        func(y, x []float32)
	reluGrad    func(dx, dy, y []float32)
	add         func(dst, a, b []float32)
	addBias     func(rows, c int, y, bias []float32)
	columnSums  func(rows, c int, sums, x []float32)
	moments     func(rows, c int, sum, square, x, pivot []float32)
	normalize   func(rows, c int, y, x, residual, mean, scale, shift []float32, mode normMode)
	normSums    func(rows, c int, sumDy, sumDyX, dy, y, x, mean []float32)
	normGrad    func(rows, c int, dx, dresidual, dy, y, x []float32, n *normCoefficients)
	maxPool     func(c int, y []float32, argmax []uint8, window []windowPixel, x []float32)
	maxPoolGrad func(c int, dx []float32, window []windowPixel, dy []float32, argmax []uint8)
	dot         func(a, b []float32) float32
	axpy        func(y []float32, alpha float32, x []float32)
	scale       func(y []float32, alpha float32, x []float32)
	sgd         func(p, v, g []float32, s *sgdStep)
	maxRow      func(x []float32) float32
	expSum      func(dst, src []float32, scale, max float32) float32

	winograd
}

// winograd are the transforms of F(4×4,3×3) for c channels of one tile. pixels are offsets of the
// tile's pixels, those outside the image being what outside returned; frequencies lie stride apart.
type winograd struct {
	outside func(x, beyond []float32) int // an offset from x that leads to beyond
	input   func(c int, dst []float32, stride int, src []float32, pixels []int)
	filter  func(c int, dst []float32, stride int, src []float32, pixels []int)
	dy      func(c int, dst []float32, stride int, src []float32, pixels []int)
	output  func(c int, dst []float32, pixels []int, src []float32, stride int, bias, floor []float32)
	dw      func(c int, dst []float32, pixels []int, src []float32, stride int)
}

// normMode is how a normalisation ends: clamped at zero, stored past the cache where that can be done.
type normMode struct{ relu, past bool }

// normCoefficients are the columns' numbers in dx = scale·(dy' − meanDy − (x−mean)·slope), each (C).
type normCoefficients struct{ scale, meanDy, mean, slope []float32 }

// windowPixel is one pixel of a pooling window: where its channels begin, and its place in the window.
type windowPixel struct {
	at    int
	index uint8
}

// sgdStep are the settings of one update.
type sgdStep struct {
	lr, momentum, weightDecay float32
	nesterov                  bool
}
