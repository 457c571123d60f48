package kernel

// The functions of this file run in the calling thread: they are for callers that cut the work
// themselves and hand the pieces to Parallel.

// MaxRow is the largest of x, −∞ when x is empty.
func (e *Engine) MaxRow(x []float32) float32 { return e.k.maxRow(x) }

// ExpSumRow computes dst = exp(scale·(src − max)) and returns the sum of dst. dst may be src.
// The relative error of exp is below 3e-7 for arguments in −87…0; below, dst is 0.
func (e *Engine) ExpSumRow(dst, src []float32, scale, max float32) float32 {
	return e.k.expSum(dst[:len(src)], src, scale, max)
}

// ScaleRow computes x = alpha·x.
func (e *Engine) ScaleRow(x []float32, alpha float32) { e.k.scale(x, alpha, x) }

// Axpy computes y += alpha·x over len(x) floats.
func (e *Engine) Axpy(y []float32, alpha float32, x []float32) { e.k.axpy(y[:len(x)], alpha, x) }

// Dot is Σ a·b over len(a) floats, summed in the branch's own fixed order.
func (e *Engine) Dot(a, b []float32) float32 { return e.k.dot(a, b[:len(a)]) }
