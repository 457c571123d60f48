package kernel

const norm2Len = 4096 // floats of one piece of Norm2: short enough for float32 sums

// Norm2 is ‖x‖², summed over fixed pieces in a fixed order.
func (e *Engine) Norm2(x []float32) float64 {
	pieces := blocks(len(x), norm2Len)
	e.reserve(pieces, 0)
	partial := e.shared[:pieces]
	e.each(pieces, func(_ *worker, i int) {
		lo, hi := block(len(x), norm2Len, i)
		partial[i] = e.k.dot(x[lo:hi], x[lo:hi])
	})
	var sum float64
	for _, s := range partial {
		sum += float64(s)
	}
	return sum
}
