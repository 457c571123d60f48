package kernel

// elementwise runs task over pieces lo…hi of n floats.
func (e *Engine) elementwise(n int, task func(lo, hi int)) {
	e.each(blocks(n, stripLen), func(_ *worker, i int) {
		task(block(n, stripLen, i))
	})
}

// ReLUForward computes y = max(x, 0) over len(x) floats. y may be x.
func (e *Engine) ReLUForward(y, x []float32) {
	y = y[:len(x)]
	e.elementwise(len(x), func(lo, hi int) { e.k.relu(y[lo:hi], x[lo:hi]) })
}

// ReLUBackward computes dx = dy where y > 0, else 0. dx may be dy.
func (e *Engine) ReLUBackward(dx, dy, y []float32) {
	dx, y = dx[:len(dy)], y[:len(dy)]
	e.elementwise(len(dy), func(lo, hi int) { e.k.reluGrad(dx[lo:hi], dy[lo:hi], y[lo:hi]) })
}

// Add computes dst = a + b. dst may be either.
func (e *Engine) Add(dst, a, b []float32) {
	dst, b = dst[:len(a)], b[:len(a)]
	add := e.k.add
	if e.k.addPast != nil && goesPast(dst, stripLen) {
		add = e.k.addPast
	}
	e.elementwise(len(a), func(lo, hi int) { add(dst[lo:hi], a[lo:hi], b[lo:hi]) })
}

// Lerp moves y the share alpha of the way to x: y += alpha·(x − y).
func (e *Engine) Lerp(y []float32, alpha float32, x []float32) {
	y = y[:len(x)]
	e.elementwise(len(x), func(lo, hi int) { e.k.lerp(y[lo:hi], alpha, x[lo:hi]) })
}

// AddBias computes y[r,j] += bias[j] for y (rows, c).
func (e *Engine) AddBias(rows, c int, y, bias []float32) {
	y = y[:rows*c]
	step := rowsPerTask(c)
	e.each(blocks(rows, step), func(_ *worker, i int) {
		lo, hi := block(rows, step, i)
		e.k.addBias(hi-lo, c, y[lo*c:], bias)
	})
}

// ColumnSums computes sums[j] = Σ_r x[r,j] for x (rows, c).
func (e *Engine) ColumnSums(rows, c int, sums, x []float32) {
	x = x[:rows*c]
	pieces := blocks(rows, normRows)
	e.reserve(pieces*c, 0)
	partial := e.shared[:pieces*c]
	e.each(pieces, func(_ *worker, i int) {
		lo, hi := block(rows, normRows, i)
		clear(partial[i*c:][:c])
		e.k.columnSums(hi-lo, c, partial[i*c:], x[lo*c:])
	})
	for j := range c {
		var s float64
		for i := range pieces {
			s += float64(partial[i*c+j])
		}
		sums[j] = float32(s)
	}
}
