package kernel

// Convolution as a matrix product: the pixels that one output pixel sees are copied into a row of
// a (pixels, R·S·C) matrix, a chunk at a time.

const (
	columnRows  = 56  // output pixels of one chunk, forward and backward by data
	columnDepth = 512 // output pixels of one chunk, backward by filter
)

func (c *Conv) plan() {
	s, nr := c.s, c.e.k.nr
	w := panels{cols: s.K, depth: s.taps(), nr: nr}
	rotated := panels{cols: s.C, depth: s.R * s.S * s.K, nr: nr}
	dy := panels{cols: s.K, depth: columnDepth, nr: nr}
	c.e.reserve(
		max(w.size(), rotated.size()+rotated.depth*s.C, dy.size()+columnDepth*s.taps()),
		columnRows*max(w.depth, rotated.depth))
}

// view is how one side of a convolution sees the other: output pixel (p,q) of image n reads the
// input at (p·step+r−pad)/gap, where that is whole and inside.
type view struct {
	h, w, c        int // input
	p, q           int // output
	r, s           int
	step, gap      int
	padRow, padCol int
}

func (c *Conv) forwardView() view {
	s := c.s
	return view{h: s.H, w: s.W, c: s.C, p: s.P(), q: s.Q(), r: s.R, s: s.S, step: s.Stride, gap: 1, padRow: s.Pad, padCol: s.Pad}
}

// backwardView sees dy from x: a stride becomes gaps between the rows of dy.
func (c *Conv) backwardView() view {
	s := c.s
	return view{h: s.P(), w: s.Q(), c: s.K, p: s.H, q: s.W, r: s.R, s: s.S, step: 1, gap: s.Stride, padRow: s.R - 1 - s.Pad, padCol: s.S - 1 - s.Pad}
}

// columns copies the input that output pixels lo…hi see into dst (hi−lo, R·S·C).
func (v view) columns(dst, x []float32, lo, hi int) {
	for m := lo; m < hi; m++ {
		n, p, q := m/(v.p*v.q), m/v.q%v.p, m%v.q
		image := x[n*v.h*v.w*v.c:][:v.h*v.w*v.c]
		for r := range v.r {
			row, inside := v.source(p*v.step+r-v.padRow, v.h)
			for s := range v.s {
				col, ok := v.source(q*v.step+s-v.padCol, v.w)
				if inside && ok {
					copy(dst[:v.c], image[(row*v.w+col)*v.c:])
				} else {
					clear(dst[:v.c])
				}
				dst = dst[v.c:]
			}
		}
	}
}

func (v view) source(at, size int) (int, bool) {
	if at < 0 || at%v.gap != 0 || at/v.gap >= size {
		return 0, false
	}
	return at / v.gap, true
}

// product runs y (pixels, K) = columns(x)·B with B packed.
func (c *Conv) product(v view, y, x, packed []float32, b panels, ep Epilogue) {
	pixels := c.s.N * v.p * v.q
	c.e.each(blocks(pixels, columnRows), func(w *worker, i int) {
		lo, hi := block(pixels, columnRows, i)
		v.columns(w.scratch, x, lo, hi)
		t := &w.tile
		*t = tile{off: oneRun, run: b.depth, lda: b.depth, ldb: b.nr, ldc: b.cols}
		if ep.ReLU {
			t.flags = tileReLU
		}
		for j := range b.count() {
			n0, n1 := block(b.cols, b.nr, j)
			t.b, t.cols = b.panel(packed, j), n1-n0
			if ep.Bias != nil {
				t.bias = ep.Bias[n0:]
			}
			for m := lo; m < hi; m += t.rows {
				t.rows = evenRows(hi-m, c.e.k.mr)
				t.a = w.scratch[(m-lo)*b.depth:]
				t.c = y[m*b.cols+n0:]
				if ep.Residual != nil {
					t.residual = ep.Residual[m*b.cols+n0:]
				}
				c.e.k.direct(t)
			}
		}
	})
}

func (c *Conv) forwardColumns(y, x, w []float32, ep Epilogue) {
	b := panels{cols: c.s.K, depth: c.s.taps(), nr: c.e.k.nr}
	packed := c.e.shared[:b.size()]
	c.e.each(b.count(), func(_ *worker, i int) { b.pack(packed, w, c.s.K, false, i) })
	c.product(c.forwardView(), y, x, packed, b, ep)
}

func (c *Conv) backwardDataColumns(dx, dy, w []float32) {
	b := panels{cols: c.s.C, depth: c.s.R * c.s.S * c.s.K, nr: c.e.k.nr}
	packed := c.e.shared[:b.size()]
	rotated := c.e.shared[b.size():][:b.depth*c.s.C]
	c.e.each(c.s.R*c.s.S, func(_ *worker, i int) { c.rotate(rotated, w, i) })
	c.e.each(b.count(), func(_ *worker, i int) { b.pack(packed, rotated, c.s.C, false, i) })
	c.product(c.backwardView(), dx, dy, packed, b, Epilogue{})
}

// rotate writes tap i of the filter turned by 180°, with input and output channels exchanged.
func (c *Conv) rotate(dst, w []float32, i int) {
	s := c.s
	from := w[i*s.C*s.K:][:s.C*s.K]
	to := dst[(s.R*s.S-1-i)*s.C*s.K:][:s.C*s.K]
	for ch := range s.C {
		for k := range s.K {
			to[k*s.C+ch] = from[ch*s.K+k]
		}
	}
}

// backwardFilterColumns adds up columns(x)ᵀ·dy over chunks of pixels: each task owns some tiles of
// dw for all of them, so that nothing is added up twice and the order of the sums is fixed.
func (c *Conv) backwardFilterColumns(dw, x, dy []float32) {
	v, taps, pixels := c.forwardView(), c.s.taps(), c.s.pixels()
	for first := 0; first < pixels; first += columnDepth {
		depth := min(columnDepth, pixels-first)
		b := panels{cols: c.s.K, depth: depth, nr: c.e.k.nr}
		packed, cols := c.e.shared[:b.size()], c.e.shared[b.size():][:depth*taps]
		c.e.each(blocks(depth, columnRows), func(_ *worker, i int) {
			lo, hi := block(depth, columnRows, i)
			v.columns(cols[lo*taps:], x, first+lo, first+hi)
		})
		c.e.each(b.count(), func(_ *worker, i int) { b.pack(packed, dy[first*c.s.K:], c.s.K, false, i) })
		part := gemmPart{
			s: GemmShape{M: taps, N: c.s.K, K: depth, TransA: true, Accumulate: first > 0},
			c: dw, a: cols, packed: packed, p: b,
		}
		rowTasks, colTasks := blocks(taps, gemmRows), blocks(c.s.K, gemmCols)
		c.e.each(rowTasks*colTasks, func(w *worker, i int) {
			part.run(c.e.k, w, i%rowTasks, i/rowTasks)
		})
	}
}
