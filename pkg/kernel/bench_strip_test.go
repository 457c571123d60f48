package kernel

import (
	"fmt"
	"testing"
)

func BenchmarkStrips(b *testing.B) {
	const images = 64
	benchBranches(b, func(b *testing.B, e *Engine) {
		for _, d := range [][2]int{{1024, 64}, {64, 256}, {1024, 16}} {
			rows, c := images*d[0], d[1]
			n := rows * c
			s := NormShape{Rows: rows, C: c, Eps: 1e-5, ReLU: true}
			x, y, dy := make([]float32, n), make([]float32, n), make([]float32, n)
			v := make([]float32, 8*c)
			col := func(i int) []float32 { return v[i*c:][:c] }
			name := fmt.Sprintf("%dx%d", rows, c)
			b.Run("NormForward/"+name, func(b *testing.B) {
				reportBytes(b, 3*4*n, func() { e.BatchNormForward(s, y, x, nil, col(0), col(1), col(2), col(3), col(4)) })
			})
			b.Run("NormBackward/"+name, func(b *testing.B) {
				reportBytes(b, 7*4*n, func() {
					e.BatchNormBackward(s, dy, nil, col(5), col(6), dy, y, x, col(0), col(2), col(4))
				})
			})
			b.Run("Add/"+name, func(b *testing.B) {
				reportBytes(b, 3*4*n, func() { e.Add(y, x, dy) })
			})
		}
		pool := PoolShape{N: images, H: 32, W: 32, C: 64, Size: 2, Stride: 2}
		x, y := make([]float32, images*1024*64), make([]float32, images*256*64)
		argmax := make([]uint8, len(y))
		b.Run("MaxPoolForward", func(b *testing.B) {
			reportBytes(b, 4*(len(x)+len(y)), func() { e.MaxPoolForward(pool, y, x, argmax) })
		})
		b.Run("MaxPoolBackward", func(b *testing.B) {
			reportBytes(b, 4*(len(x)+len(y)), func() { e.MaxPoolBackward(pool, x, y, argmax) })
		})
		b.Run("SGD", func(b *testing.B) {
			reportBytes(b, 5*4*len(y), func() {
				e.SGD(y, x[:len(y)], x[len(y):][:len(y)], SGDStep{LR: 0.1, Momentum: 0.9, WeightDecay: 1e-4, Nesterov: true, Scale: 1})
			})
		})
		b.Run("AdamW", func(b *testing.B) {
			m, v, g := x[:len(y)], x[len(y):][:len(y)], x[2*len(y):][:len(y)]
			step := AdamWStep{LR: 1e-3, WeightDecay: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Scale: 1, Count: 1}
			reportBytes(b, 7*4*len(y), func() { e.AdamW(y, m, v, g, step) })
		})
		b.Run("ExpSumRow", func(b *testing.B) {
			row := x[:8192]
			reportBytes(b, 2*4*len(row), func() { e.ExpSumRow(row, row, 1, 0) })
		})
	})
}
