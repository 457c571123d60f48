package kernel

import "fmt"

// ConvShape is the geometry of a two-dimensional cross-correlation
//
//	y[n,p,q,k] = Σ_{r,s,c} x[n, p·Stride+r−Pad, q·Stride+s−Pad, c] · w[r,s,c,k]
//
// with x (N,H,W,C), w (R,S,C,K), y (N,P,Q,K) and zeros outside x.
type ConvShape struct{ N, H, W, C, K, R, S, Stride, Pad int }

// P is the output height.
func (s ConvShape) P() int { return (s.H+2*s.Pad-s.R)/s.Stride + 1 }

// Q is the output width.
func (s ConvShape) Q() int { return (s.W+2*s.Pad-s.S)/s.Stride + 1 }

// FLOPs counts the operations of the forward pass done directly, two for each multiply-add.
// Each of the two backward passes has as many.
func (s ConvShape) FLOPs() float64 {
	return 2 * float64(s.N*s.P()*s.Q()) * float64(s.K) * float64(s.R*s.S*s.C)
}

// Check returns an error when the shape is no convolution.
func (s ConvShape) Check() error {
	if s.N < 1 || s.H < 1 || s.W < 1 || s.C < 1 || s.K < 1 {
		return fmt.Errorf("kernel: convolution of %d×%d×%d×%d into %d channels; every size must be positive", s.N, s.H, s.W, s.C, s.K)
	}
	if s.R < 1 || s.S < 1 || s.Stride < 1 || s.Pad < 0 {
		return fmt.Errorf("kernel: convolution filter %d×%d, stride %d, padding %d", s.R, s.S, s.Stride, s.Pad)
	}
	if s.Pad >= s.R || s.Pad >= s.S {
		return fmt.Errorf("kernel: convolution padding %d must be less than the filter's %d×%d", s.Pad, s.R, s.S)
	}
	if s.H+2*s.Pad < s.R || s.W+2*s.Pad < s.S {
		return fmt.Errorf("kernel: a %d×%d filter does not fit a %d×%d image with padding %d", s.R, s.S, s.H, s.W, s.Pad)
	}
	return nil
}

func (s ConvShape) sizeX() int  { return s.N * s.H * s.W * s.C }
func (s ConvShape) sizeY() int  { return s.N * s.P() * s.Q() * s.K }
func (s ConvShape) sizeW() int  { return s.R * s.S * s.C * s.K }
func (s ConvShape) pixels() int { return s.N * s.P() * s.Q() }
func (s ConvShape) taps() int   { return s.R * s.S * s.C }

// Epilogue is what a convolution does to its sums before it stores them:
// y = relu?(conv + bias + residual), bias (K), residual like y; nil leaves a part out.
type Epilogue struct {
	Bias, Residual []float32
	ReLU           bool
	past           bool // the result is stored past the cache
}
