package kernel

import "math"

// normFloor is the least length that a row is divided by.
const normFloor = 1e-12

// L2NormalizeForward computes y = x/max(‖x‖₂, 1e-12) for each row of x (rows, d), and the divisor of
// each row in norm (rows).
func (e *Engine) L2NormalizeForward(rows, d int, y, x, norm []float32) {
	step := rowsPerTask(d)
	e.each(blocks(rows, step), func(_ *worker, i int) {
		lo, hi := block(rows, step, i)
		for r := lo; r < hi; r++ {
			row := x[r*d:][:d]
			norm[r] = float32(max(math.Sqrt(float64(e.k.dot(row, row))), normFloor))
			e.k.scale(y[r*d:][:d], 1/norm[r], row)
		}
	})
}

// L2NormalizeBackward is its gradient: dx = (dy − y·⟨dy,y⟩)/norm for each row, and dx = dy/norm where
// the row was shorter than the floor. dx may be dy.
func (e *Engine) L2NormalizeBackward(rows, d int, dx, dy, y, norm []float32) {
	step := rowsPerTask(d)
	e.each(blocks(rows, step), func(_ *worker, i int) {
		lo, hi := block(rows, step, i)
		for r := lo; r < hi; r++ {
			out, grad, unit := dx[r*d:][:d], dy[r*d:][:d], y[r*d:][:d]
			inv := 1 / norm[r]
			along := e.k.dot(grad, unit) * inv
			e.k.scale(out, inv, grad)
			if norm[r] > normFloor {
				e.k.axpy(out, -along, unit)
			}
		}
	})
}
