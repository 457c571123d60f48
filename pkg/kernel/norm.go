package kernel

import "math"

// NormShape is a batch normalisation over the columns of a (Rows, C) matrix, Rows = N·H·W.
// Eps is added to the biased variance; with ReLU the result is clamped at zero.
type NormShape struct {
	Rows, C int
	Eps     float32
	ReLU    bool
}

const (
	normRows = 512 // rows of one piece of a reduction: short enough for float32 sums
	stripLen = 1 << 14
)

// rowsPerTask is how many rows of c floats make a task of an elementwise pass.
func rowsPerTask(c int) int { return max(1, stripLen/c) }

// BatchNormForward normalises with the statistics of x:
//
//	y = relu?(γ·(x−mean)·invStd + β + residual),  invStd = 1/√(variance + Eps)
//
// x, y, residual (Rows, C); gamma, beta (C). mean, variance (biased) and invStd (C) are outputs.
// residual may be nil. y may be x.
func (e *Engine) BatchNormForward(s NormShape, y, x, residual, gamma, beta, mean, variance, invStd []float32) {
	n := s.Rows * s.C
	y, x = y[:n], x[:n]
	pieces := blocks(s.Rows, normRows)
	e.reserve(pieces*2*s.C+2*s.C, 0)
	scale, pivot, partial := e.shared[:s.C], e.shared[s.C:2*s.C], e.shared[2*s.C:][:pieces*2*s.C]
	copy(pivot, x[:s.C])
	e.each(pieces, func(_ *worker, i int) {
		lo, hi := block(s.Rows, normRows, i)
		sums := partial[i*2*s.C:][:2*s.C]
		clear(sums)
		e.k.moments(hi-lo, s.C, sums[:s.C], sums[s.C:], x[lo*s.C:], pivot)
	})
	for c := range s.C {
		sum, square := pairSum(partial, pieces, s.C, c)
		d := sum / float64(s.Rows)
		v := max(square/float64(s.Rows)-d*d, 0)
		mean[c] = float32(float64(pivot[c]) + d)
		variance[c] = float32(v)
		invStd[c] = float32(1 / math.Sqrt(v+float64(s.Eps)))
		scale[c] = gamma[c] * invStd[c]
	}
	e.normalize(s, y, x, residual, mean, scale, beta)
}

// pairSum adds up column c of the pieces' two sums, in order.
func pairSum(partial []float32, pieces, c, col int) (first, second float64) {
	for i := range pieces {
		first += float64(partial[i*2*c+col])
		second += float64(partial[i*2*c+c+col])
	}
	return first, second
}

func (e *Engine) normalize(s NormShape, y, x, residual, mean, scale, shift []float32) {
	rows := rowsPerTask(s.C)
	mode := normMode{relu: s.ReLU, past: goesPast(y[:s.Rows*s.C], s.C)}
	e.each(blocks(s.Rows, rows), func(_ *worker, i int) {
		lo, hi := block(s.Rows, rows, i)
		e.k.normalize(hi-lo, s.C, y[lo*s.C:], x[lo*s.C:], tail(residual, lo*s.C), mean, scale, shift, mode)
	})
}

// tail is x[at:], and nil for nil.
func tail(x []float32, at int) []float32 {
	if x == nil {
		return nil
	}
	return x[at:]
}

// BatchNormBackward is the gradient of BatchNormForward, the statistics being functions of x. With
// g = dy, or with s.ReLU dy where y > 0 and else 0, and x̂ = (x−mean)·invStd:
//
//	dbeta = Σ g,  dgamma = Σ g·x̂,  dx = γ·invStd·(g − dbeta/Rows − x̂·dgamma/Rows),  dresidual = g
//
// dx, dresidual, dy, y, x (Rows, C); the others (C). dresidual is nil where there was no residual;
// y is read only with s.ReLU. dx may be dy, or x when nothing else needs it.
func (e *Engine) BatchNormBackward(s NormShape, dx, dresidual, dgamma, dbeta, dy, y, x, gamma, mean, invStd []float32) {
	n := s.Rows * s.C
	dx, dy, x = dx[:n], dy[:n], x[:n]
	if !s.ReLU {
		y = nil
	}
	pieces := blocks(s.Rows, normRows)
	e.reserve(pieces*2*s.C+3*s.C, 0)
	scratch := e.shared[:3*s.C]
	partial := e.shared[3*s.C:][:pieces*2*s.C]
	e.each(pieces, func(_ *worker, i int) {
		lo, hi := block(s.Rows, normRows, i)
		sums := partial[i*2*s.C:][:2*s.C]
		clear(sums)
		e.k.normSums(hi-lo, s.C, sums[:s.C], sums[s.C:], dy[lo*s.C:], tail(y, lo*s.C), x[lo*s.C:], mean)
	})
	k := normCoefficients{scale: scratch[:s.C], meanDy: scratch[s.C : 2*s.C], slope: scratch[2*s.C:], mean: mean, past: goesPast(dx, s.C)}
	for c := range s.C {
		sum, dot := pairSum(partial, pieces, s.C, c)
		inv := float64(invStd[c])
		dbeta[c], dgamma[c] = float32(sum), float32(dot*inv)
		k.scale[c] = gamma[c] * invStd[c]
		k.meanDy[c] = float32(sum / float64(s.Rows))
		k.slope[c] = float32(dot * inv * inv / float64(s.Rows))
	}
	rows := rowsPerTask(s.C)
	e.each(blocks(s.Rows, rows), func(_ *worker, i int) {
		lo, hi := block(s.Rows, rows, i)
		at := lo * s.C
		e.k.normGrad(hi-lo, s.C, dx[at:], tail(dresidual, at), dy[at:], tail(y, at), x[at:], &k)
	})
}

// BatchNormInference normalises with given statistics: y = relu?(γ·(x−mean)/√(variance+Eps) + β + residual).
// Shapes as in BatchNormForward; mean and variance are inputs.
func (e *Engine) BatchNormInference(s NormShape, y, x, residual, gamma, beta, mean, variance []float32) {
	n := s.Rows * s.C
	e.reserve(s.C, 0)
	scale := e.shared[:s.C]
	for c := range s.C {
		scale[c] = float32(float64(gamma[c]) / math.Sqrt(float64(variance[c])+float64(s.Eps)))
	}
	e.normalize(s, y[:n], x[:n], residual, mean, scale, beta)
}
