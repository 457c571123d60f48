package kernel

// Conv is a planned convolution: its scratch memory stands, so that running it allocates nothing.
type Conv struct {
	e      *Engine
	s      ConvShape
	tile   *convTiles  // in tiles of 4×4 outputs, by Winograd; nil where that is not the better way
	g      correlation // otherwise
	phases []dataPhase
	filter *filterPlan
	kept   []float32 // the transformed filter, where it is kept
	fresh  bool      // kept is that of the filter of the last Forward
}

// fewTiles is the most tiles with which keeping a transformed filter pays: making it takes the time
// of about 30 tiles, keeping it four times the filter's memory.
const fewTiles = 256

// convTiles are the three passes by Winograd.
type convTiles struct {
	forward, data *winogradPlan
	filter        *winogradFilterPlan
}

// NewConv plans a convolution. Plans of one engine share its scratch memory.
func (e *Engine) NewConv(s ConvShape) (*Conv, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	c := &Conv{e: e, s: s}
	switch {
	case c.usesWinograd():
		c.planTiles()
	case s.isProduct():
		e.reserve(gemmShared, gemmPrivate)
	default:
		c.planDirect()
	}
	return c, nil
}

// Shape is the geometry the convolution was planned for.
func (c *Conv) Shape() ConvShape { return c.s }

// isProduct says whether the convolution is a matrix product of all pixels with the filter.
func (s ConvShape) isProduct() bool { return s.R == 1 && s.S == 1 && s.Stride == 1 && s.Pad == 0 }

// correlation is the forward pass as the direct kernels see it.
func (s ConvShape) correlation() correlation {
	p, q := s.P(), s.Q()
	return correlation{
		n: s.N, h: s.H, w: s.W, c: s.C, r: s.R, s: s.S, step: s.Stride, top: s.Pad, left: s.Pad,
		p: p, q: q, k: s.K, rowStep: q * s.K, colStep: s.K, imageStep: p * q * s.K,
	}
}

func (c *Conv) planDirect() {
	k := c.e.k
	c.g, c.phases, c.filter = c.s.correlation(), c.s.dataPhases(), c.e.planFilter(c.s)
	w := c.panels()
	shared, private := c.filter.scratch(k)
	shared, private = max(shared, w.size()), max(private, c.g.private())
	for i := range c.phases {
		ph := &c.phases[i]
		b := ph.panels(k)
		shared, private = max(shared, b.size()), max(private, ph.g.private())
	}
	c.e.reserve(shared, private)
	for _, w := range c.e.workers {
		w.runs(c.s.R, 0)
	}
}

// planTiles plans all three passes in tiles. The gradient by data is a convolution of dy with the
// filter turned and the padding on the other side.
func (c *Conv) planTiles() {
	s, e := c.s, c.e
	t := &convTiles{
		forward: e.planWinograd(s.N, s.H, s.W, s.C, s.P(), s.Q(), s.K, s.Pad),
		data:    e.planWinograd(s.N, s.P(), s.Q(), s.K, s.H, s.W, s.C, s.R-1-s.Pad),
		filter:  e.planWinogradFilter(s),
	}
	shared, private := t.filter.scratch()
	e.reserve(
		max(t.forward.sharedU(), t.data.sharedU()+s.sizeW(), shared),
		max(t.forward.private(), t.data.private(), private))
	if n := tileIn * max(s.C, s.K); n > len(e.zeros) {
		e.zeros = alignedFloats(n)
	}
	c.tile = t
}

// Forward computes y (N,P,Q,K) from x (N,H,W,C) and w (R,S,C,K).
func (c *Conv) Forward(y, x, w []float32, ep Epilogue) {
	s := c.s
	y, x, w = y[:s.sizeY()], x[:s.sizeX()], w[:s.sizeW()]
	switch {
	case c.tile != nil:
		c.tile.forward.run(c.e, y, x, c.derived(w), ep)
	case s.isProduct():
		c.e.gemm(GemmShape{M: s.pixels(), N: s.K, K: s.C}, y, x, w, ep)
	default:
		c.g.run(c.e, y, x, c.derived(w), c.panels(), ep)
	}
}

// BackwardData computes dx (N,H,W,C), the gradient by x, from dy (N,P,Q,K) and w.
func (c *Conv) BackwardData(dx, dy, w []float32) {
	s := c.s
	dx, dy, w = dx[:s.sizeX()], dy[:s.sizeY()], w[:s.sizeW()]
	switch {
	case c.tile != nil:
		g := c.tile.data
		u := c.e.shared[:g.sharedU()]
		rotated := c.e.shared[len(u):][:len(w)]
		c.e.each(s.rotations(), func(_ *worker, i int) { c.rotate(rotated, w, i) })
		g.transformFilter(c.e, u, rotated)
		g.run(c.e, dx, dy, u, Epilogue{})
	case s.isProduct():
		c.e.gemm(GemmShape{M: s.pixels(), N: s.C, K: s.K, TransB: true}, dx, dy, w, Epilogue{})
	default:
		c.backwardData(dx, dy, w)
	}
}

// rotate writes some input channels of one tap of the filter turned by 180°, with input and output
// channels exchanged; task i of rotations.
func (c *Conv) rotate(dst, w []float32, i int) {
	s := c.s
	per := blocks(s.C, rotateChannels)
	tap := i / per
	c0, c1 := block(s.C, rotateChannels, i%per)
	from := w[(tap*s.C+c0)*s.K:][:(c1-c0)*s.K]
	to := dst[(s.R*s.S-1-tap)*s.C*s.K:][:s.C*s.K]
	c.e.k.transpose(c1-c0, s.K, to[c0:], s.C, from, s.K)
}

// rotateChannels are the channels of one task.
const rotateChannels = 32

func (s ConvShape) rotations() int { return s.R * s.S * blocks(s.C, rotateChannels) }

// BackwardFilter computes dw (R,S,C,K), the gradient by w, from x and dy.
func (c *Conv) BackwardFilter(dw, x, dy []float32) {
	s := c.s
	dw, x, dy = dw[:s.sizeW()], x[:s.sizeX()], dy[:s.sizeY()]
	switch {
	case c.tile != nil:
		c.tile.filter.run(c.e, dw, x, dy)
	case s.isProduct():
		c.e.gemm(GemmShape{M: s.C, N: s.K, K: s.pixels(), TransA: true}, dw, x, dy, Epilogue{})
	default:
		c.filter.run(c.e, dw, x, dy)
	}
}

// KeepFilter makes Forward keep the transformed filter for the next call, where that pays; the caller
// promises to call Forget when the filter changes. It returns the bytes that are kept.
func (c *Conv) KeepFilter() int64 {
	if c.tile == nil || c.tile.forward.tiles() > fewTiles {
		return 0
	}
	c.kept = alignedFloats(c.tile.forward.sharedU())
	return int64(len(c.kept)) * 4
}

// Forget drops what was derived from the filter of earlier calls.
func (c *Conv) Forget() { c.fresh = false }

// derived is the filter w (R,S,C,K) transformed to frequencies, or packed: kept, or in scratch until
// the next call.
func (c *Conv) derived(w []float32) []float32 {
	if c.kept != nil {
		if !c.fresh {
			c.tile.forward.transformFilter(c.e, c.kept, w)
			c.fresh = true
		}
		return c.kept
	}
	if c.tile != nil {
		u := c.e.shared[:c.tile.forward.sharedU()]
		c.tile.forward.transformFilter(c.e, u, w)
		return u
	}
	b := c.panels()
	packed := c.e.shared[:b.size()]
	c.e.each(b.count(), func(_ *worker, i int) { b.pack(packed, w, c.s.K, false, i) })
	return packed
}

// panels is the filter of the forward pass, packed.
func (c *Conv) panels() panels {
	return panels{cols: c.s.K, depth: c.s.taps(), table: c.e.k}
}
