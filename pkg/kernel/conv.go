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
}

// Conv is a planned convolution: its scratch memory stands, so that running it allocates nothing.
type Conv struct {
	e       *Engine
	s       ConvShape
	forward *winogradPlan // nil where tiles are not used
	data    *winogradPlan
	filter  *winogradFilterPlan
}

// NewConv plans a convolution. Plans of one engine share its scratch memory.
func (e *Engine) NewConv(s ConvShape) (*Conv, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	c := &Conv{e: e, s: s}
	if c.usesWinograd() {
		c.planWinograd()
	} else {
		c.plan()
	}
	return c, nil
}

// Shape is the geometry the convolution was planned for.
func (c *Conv) Shape() ConvShape { return c.s }

// Forward computes y (N,P,Q,K) from x (N,H,W,C) and w (R,S,C,K).
func (c *Conv) Forward(y, x, w []float32, ep Epilogue) {
	y, x, w = y[:c.s.sizeY()], x[:c.s.sizeX()], w[:c.s.sizeW()]
	if g := c.forward; g != nil {
		u := c.e.shared[:g.sharedU()]
		g.transformFilter(c.e, u, w)
		g.run(c.e, y, x, u, ep)
		return
	}
	c.forwardColumns(y, x, w, ep)
}

// BackwardData computes dx (N,H,W,C), the gradient by x, from dy (N,P,Q,K) and w.
func (c *Conv) BackwardData(dx, dy, w []float32) {
	dx, dy, w = dx[:c.s.sizeX()], dy[:c.s.sizeY()], w[:c.s.sizeW()]
	if g := c.data; g != nil {
		u := c.e.shared[:g.sharedU()]
		rotated := c.e.shared[len(u):][:len(w)]
		c.e.each(c.s.R*c.s.S, func(_ *worker, i int) { c.rotate(rotated, w, i) })
		g.transformFilter(c.e, u, rotated)
		g.run(c.e, dx, dy, u, Epilogue{})
		return
	}
	c.backwardDataColumns(dx, dy, w)
}

// BackwardFilter computes dw (R,S,C,K), the gradient by w, from x and dy.
func (c *Conv) BackwardFilter(dw, x, dy []float32) {
	dw, x, dy = dw[:c.s.sizeW()], x[:c.s.sizeX()], dy[:c.s.sizeY()]
	if c.filter != nil {
		c.filter.run(c.e, dw, x, dy)
		return
	}
	c.backwardFilterColumns(dw, x, dy)
}

// planWinograd plans all three passes in tiles. The gradient by data is a convolution of dy with the
// filter turned and the padding on the other side.
func (c *Conv) planWinograd() {
	s, e := c.s, c.e
	c.forward = e.planWinograd(s.N, s.H, s.W, s.C, s.P(), s.Q(), s.K, s.Pad)
	c.data = e.planWinograd(s.N, s.P(), s.Q(), s.K, s.H, s.W, s.C, s.R-1-s.Pad)
	c.filter = e.planWinogradFilter(s)
	e.reserve(
		max(c.forward.sharedU(), c.data.sharedU()+s.sizeW(), c.filter.shared()),
		max(c.forward.private(), c.data.private()))
	if n := max(s.C, s.K); n > len(e.zeros) {
		e.zeros = alignedFloats(n)
	}
}
