package kernel

import "fmt"

// PoolShape is the geometry of a pooling over Size×Size windows of x (N,H,W,C) into y (N,P,Q,C).
type PoolShape struct{ N, H, W, C, Size, Stride, Pad int }

// P is the output height.
func (s PoolShape) P() int { return (s.H+2*s.Pad-s.Size)/s.Stride + 1 }

// Q is the output width.
func (s PoolShape) Q() int { return (s.W+2*s.Pad-s.Size)/s.Stride + 1 }

// Check returns an error when the shape is no pooling.
func (s PoolShape) Check() error {
	switch {
	case s.N < 1 || s.H < 1 || s.W < 1 || s.C < 1:
		return fmt.Errorf("kernel: pooling of %d×%d×%d×%d; every size must be positive", s.N, s.H, s.W, s.C)
	case s.Size < 1 || s.Size > maxPoolSize || s.Stride < 1 || s.Pad < 0 || 2*s.Pad > s.Size:
		return fmt.Errorf("kernel: pooling window %d, stride %d, padding %d; the window is 1 to %d and the padding at most half of it", s.Size, s.Stride, s.Pad, maxPoolSize)
	case s.H+2*s.Pad < s.Size || s.W+2*s.Pad < s.Size:
		return fmt.Errorf("kernel: a pooling window of %d does not fit a %d×%d image with padding %d", s.Size, s.H, s.W, s.Pad)
	}
	return nil
}

const maxPoolSize = 15 // its places fit a byte

// MaxPoolForward takes the largest x of each window; padding counts as −∞. argmax (N,P,Q,C) gets the
// place of the first largest in the window, row-major.
func (e *Engine) MaxPoolForward(s PoolShape, y, x []float32, argmax []uint8) {
	p, q := s.P(), s.Q()
	e.each(s.N*p, func(w *worker, i int) {
		image := x[i/p*s.H*s.W*s.C:][:s.H*s.W*s.C]
		for col := range q {
			window := s.window(w.window[:0], i%p, col)
			at := (i*q + col) * s.C
			e.k.maxPool(s.C, y[at:], argmax[at:], window, image)
		}
	})
}

// window lists the pixels of the window of output (p,q) that lie inside the image.
func (s PoolShape) window(room []windowPixel, p, q int) []windowPixel {
	for r := range s.Size {
		row := p*s.Stride + r - s.Pad
		if row < 0 || row >= s.H {
			continue
		}
		for c := range s.Size {
			if col := q*s.Stride + c - s.Pad; col >= 0 && col < s.W {
				room = append(room, windowPixel{at: (row*s.W + col) * s.C, index: uint8(r*s.Size + c)})
			}
		}
	}
	return room
}

// MaxPoolBackward sends each dy (N,P,Q,C) to the pixel of dx (N,H,W,C) that argmax names.
func (e *Engine) MaxPoolBackward(s PoolShape, dx, dy []float32, argmax []uint8) {
	p, q := s.P(), s.Q()
	e.each(s.N, func(w *worker, n int) {
		image := dx[n*s.H*s.W*s.C:][:s.H*s.W*s.C]
		clear(image)
		for i := range p * q {
			at := (n*p*q + i) * s.C
			e.k.maxPoolGrad(s.C, image, s.window(w.window[:0], i/q, i%q), dy[at:][:s.C], argmax[at:])
		}
	})
}

// GlobalAvgPoolForward averages x (n, hw, c) over hw into y (n, c).
func (e *Engine) GlobalAvgPoolForward(n, hw, c int, y, x []float32) {
	e.each(n, func(_ *worker, i int) {
		out := y[i*c:][:c]
		clear(out)
		e.k.columnSums(hw, c, out, x[i*hw*c:][:hw*c])
		e.k.scale(out, 1/float32(hw), out)
	})
}

// GlobalAvgPoolBackward spreads dy (n, c) over dx (n, hw, c).
func (e *Engine) GlobalAvgPoolBackward(n, hw, c int, dx, dy []float32) {
	e.each(n, func(_ *worker, i int) {
		image := dx[i*hw*c:][:hw*c]
		e.k.scale(image[:c], 1/float32(hw), dy[i*c:][:c])
		for done := c; done < len(image); done *= 2 {
			copy(image[done:], image[:done])
		}
	})
}
