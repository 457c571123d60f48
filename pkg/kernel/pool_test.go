package kernel

import (
	"bytes"
	"math"
	"testing"
)

func naiveMaxPool(s PoolShape, x, dy []float32) (y, dx []float64, argmax []uint8) {
	dx = make([]float64, s.N*s.H*s.W*s.C)
	for i := range s.N * s.P() * s.Q() {
		n, p, q := i/(s.P()*s.Q()), i/s.Q()%s.P(), i%s.Q()
		for c := range s.C {
			best, place, from := math.Inf(-1), 0, 0
			for k := range s.Size * s.Size {
				h, w := p*s.Stride+k/s.Size-s.Pad, q*s.Stride+k%s.Size-s.Pad
				if h < 0 || h >= s.H || w < 0 || w >= s.W {
					continue
				}
				at := ((n*s.H+h)*s.W+w)*s.C + c
				if v := float64(x[at]); v > best {
					best, place, from = v, k, at
				}
			}
			y, argmax = append(y, best), append(argmax, uint8(place))
			dx[from] += float64(dy[i*s.C+c])
		}
	}
	return y, dx, argmax
}

func TestMaxPool(t *testing.T) {
	shapes := []PoolShape{
		{N: 1, H: 6, W: 6, C: 41, Size: 3, Stride: 1, Pad: 1},
		{N: 2, H: 8, W: 8, C: 3, Size: 2, Stride: 2},
		{N: 2, H: 9, W: 7, C: 17, Size: 3, Stride: 2, Pad: 1},
		{N: 1, H: 5, W: 5, C: 64, Size: 3, Stride: 1, Pad: 1},
		{N: 3, H: 4, W: 6, C: 33, Size: 2, Stride: 2, Pad: 1},
	}
	eachBranch(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		for _, s := range shapes {
			m := newMaker(4)
			out := s.N * s.P() * s.Q() * s.C
			x, dy := m.random(s.N*s.H*s.W*s.C), m.random(out)
			for i := range x {
				x[i] = float32(math.Round(float64(x[i]))) - 3 // ties, and all below zero
			}
			y, dx, argmax := m.empty(out), m.empty(len(x)), make([]uint8, out)
			e.MaxPoolForward(s, y, x, argmax)
			e.MaxPoolBackward(s, dx, dy, argmax)
			wantY, wantDx, wantArgmax := naiveMaxPool(s, x, dy)
			near(t, "y", y, wantY, 0)
			if !bytes.Equal(argmax, wantArgmax) {
				t.Fatalf("%+v: argmax differs", s)
			}
			near(t, "dx", dx, wantDx, 1e-6)
			m.check(t)
		}
	})
}

func TestGlobalAvgPool(t *testing.T) {
	eachBranch(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		for _, c := range []int{1, 16, 37, 100} {
			const n, hw = 3, 49
			m := newMaker(uint64(c))
			x, dy, y, dx := m.random(n*hw*c), m.random(n*c), m.empty(n*c), m.empty(n*hw*c)
			e.GlobalAvgPoolForward(n, hw, c, y, x)
			e.GlobalAvgPoolBackward(n, hw, c, dx, dy)
			wantY, wantDx := make([]float64, n*c), make([]float64, n*hw*c)
			for i := range x {
				at := i/(hw*c)*c + i%c
				wantY[at] += float64(x[i]) / hw
				wantDx[i] = float64(dy[at]) / hw
			}
			near(t, "y", y, wantY, 1e-6)
			near(t, "dx", dx, wantDx, 1e-6)
			m.check(t)
		}
	})
}
