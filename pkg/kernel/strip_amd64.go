//go:build !purego

package kernel

import "unsafe"

// The strips in assembly work on pointers; the adaptors here check lengths, declare the accesses to
// the race detector and choose among the forms of a strip.

func at(x []float32) *float32 { return unsafe.SliceData(x) }

type (
	asmUnary    = func(rows, c int, y, x *float32)
	asmBinary   = func(rows, c int, dst, a, b *float32)
	asmScaled   = func(rows, c int, y, x *float32, alpha float32)
	asmMoments  = func(rows, c int, sum, square, x, pivot *float32)
	asmReduce   = func(n int, x *float32) float32
	asmDot      = func(n int, a, b *float32) float32
	asmExp      = func(n int, dst, src *float32, scale, max float32) float32
	asmSGD      = func(rows, c int, p, v, g *float32, lr, momentum, decay, scale float32)
	asmAdamW    = func(rows, c int, p, m, v, g *float32, lr, decay, weight1, weight2, eps, scale float32)
	asmMaxPool  = func(c int, y *float32, argmax *uint8, window *windowPixel, pixels int, x *float32)
	asmPoolGrad = func(c int, dx *float32, window *windowPixel, pixels int, dy *float32, argmax *uint8)
	asmNorm     = func(rows, c int, y, x, mean, scale, shift *float32)
	asmNormAdd  = func(rows, c int, y, x, residual, mean, scale, shift *float32)
	asmSums     = func(rows, c int, sumDy, sumDyX, dy, x, mean *float32)
	asmSumsReLU = func(rows, c int, sumDy, sumDyX, dy, x, y, mean *float32)
)

func unary(f asmUnary) func(y, x []float32) {
	return func(y, x []float32) {
		y = y[:len(x)]
		raceRead(x)
		raceWrite(y)
		f(1, len(x), at(y), at(x))
	}
}

func binary(f asmBinary) func(dst, a, b []float32) {
	return func(dst, a, b []float32) {
		dst, b = dst[:len(a)], b[:len(a)]
		raceRead(a)
		raceRead(b)
		raceWrite(dst)
		f(1, len(a), at(dst), at(a), at(b))
	}
}

func scaled(f asmScaled) func(y []float32, alpha float32, x []float32) {
	return func(y []float32, alpha float32, x []float32) {
		y = y[:len(x)]
		raceRead(x)
		raceWrite(y)
		f(1, len(x), at(y), at(x), alpha)
	}
}

func biased(f asmUnary) func(rows, c int, y, bias []float32) {
	return func(rows, c int, y, bias []float32) {
		y, bias = y[:rows*c], bias[:c]
		raceRead(bias)
		raceWrite(y)
		f(rows, c, at(y), at(bias))
	}
}

func summed(f asmUnary) func(rows, c int, sums, x []float32) {
	return func(rows, c int, sums, x []float32) {
		sums, x = sums[:c], x[:rows*c]
		raceRead(x)
		raceWrite(sums)
		f(rows, c, at(sums), at(x))
	}
}

func momentsOf(f asmMoments) func(rows, c int, sum, square, x, pivot []float32) {
	return func(rows, c int, sum, square, x, pivot []float32) {
		sum, square, x, pivot = sum[:c], square[:c], x[:rows*c], pivot[:c]
		raceRead(x)
		raceRead(pivot)
		raceWrite(sum)
		raceWrite(square)
		f(rows, c, at(sum), at(square), at(x), at(pivot))
	}
}

func reduced(f asmReduce) func(x []float32) float32 {
	return func(x []float32) float32 {
		raceRead(x)
		return f(len(x), at(x))
	}
}

func dotted(f asmDot) func(a, b []float32) float32 {
	return func(a, b []float32) float32 {
		b = b[:len(a)]
		raceRead(a)
		raceRead(b)
		return f(len(a), at(a), at(b))
	}
}

func exponential(f asmExp) func(dst, src []float32, scale, max float32) float32 {
	return func(dst, src []float32, scale, max float32) float32 {
		dst = dst[:len(src)]
		raceRead(src)
		raceWrite(dst)
		return f(len(src), at(dst), at(src), scale, max)
	}
}

func stepped(plain, nesterov asmSGD) func(p, v, g []float32, s *SGDStep) {
	return func(p, v, g []float32, s *SGDStep) {
		v, g = v[:len(p)], g[:len(p)]
		raceRead(g)
		raceWrite(p)
		raceWrite(v)
		f := plain
		if s.Nesterov {
			f = nesterov
		}
		f(1, len(p), at(p), at(v), at(g), s.LR, s.Momentum, s.WeightDecay, s.Scale)
	}
}

func adapted(f asmAdamW) func(p, m, v, g []float32, s *adamWStep) {
	return func(p, m, v, g []float32, s *adamWStep) {
		m, v, g = m[:len(p)], v[:len(p)], g[:len(p)]
		raceRead(g)
		raceWrite(p)
		raceWrite(m)
		raceWrite(v)
		f(1, len(p), at(p), at(m), at(v), at(g), s.lr, s.decay, s.weight1, s.weight2, s.eps, s.scale)
	}
}

func pooled(f asmMaxPool) func(c int, y []float32, argmax []uint8, window []windowPixel, x []float32) {
	return func(c int, y []float32, argmax []uint8, window []windowPixel, x []float32) {
		y, argmax = y[:c], argmax[:c]
		raceWrite(y)
		for _, w := range window {
			raceRead(x[w.at:][:c])
		}
		f(c, at(y), unsafe.SliceData(argmax), unsafe.SliceData(window), len(window), at(x))
	}
}

// pooledGrad leaves the channels that fill no register to plain Go.
func pooledGrad(f asmPoolGrad, lanes int) func(c int, dx []float32, window []windowPixel, dy []float32, argmax []uint8) {
	return func(c int, dx []float32, window []windowPixel, dy []float32, argmax []uint8) {
		dy, argmax = dy[:c], argmax[:c]
		raceRead(dy)
		for _, w := range window {
			raceWrite(dx[w.at:][:c])
		}
		whole := c / lanes * lanes
		f(whole, at(dx), unsafe.SliceData(window), len(window), at(dy), unsafe.SliceData(argmax))
		if whole < c {
			maxPoolGradGo(c-whole, dx[whole:], window, dy[whole:], argmax[whole:])
		}
	}
}

// transposeBlocks leaves what fills no block of eight by eight to plain Go.
func transposeBlocks(rows, cols int, dst []float32, ldd int, src []float32, lds int) {
	r, c := rows&^7, cols&^7
	if r > 0 && c > 0 {
		_, _ = dst[(c-1)*ldd+r-1], src[(r-1)*lds+c-1]
		if raceEnabled {
			for j := range c {
				raceWrite(dst[j*ldd:][:r])
			}
			for i := range r {
				raceRead(src[i*lds:][:c])
			}
		}
		transpose8x8(r, c, at(dst), ldd, at(src), lds)
	}
	if r < rows && c > 0 {
		transposeGo(rows-r, c, dst[r:], ldd, src[r*lds:], lds)
	}
	if c < cols {
		transposeGo(rows, cols-c, dst[c*ldd:], ldd, src[c:], lds)
	}
}
