package kernel

// winogradFilterPlan is the gradient by the filter through tiles: at each frequency
// a (c, k) = Σ over tiles of v (tiles, c)ᵀ·d (tiles, k), and dw = Gᵀ·a·G.
type winogradFilterPlan struct {
	winogradPlan
	ldd int
}

const (
	// Tiles of a chunk: with few channels what they fill should stay near, with many the sums should
	// be worth the way to memory and back.
	filterChunkFew  = 84
	filterChunkMany = 128
	filterGroup     = 4 // tiles of one task of the transforms
)

func (e *Engine) planWinogradFilter(s ConvShape) *winogradFilterPlan {
	g := &winogradFilterPlan{winogradPlan: *e.planWinograd(s.N, s.H, s.W, s.C, s.P(), s.Q(), s.K, s.Pad)}
	g.ldd = g.ldm
	g.chunk = filterChunkFew
	if s.C*s.K > 128*128 {
		g.chunk = filterChunkMany
	}
	g.chunk = evenRows(g.tiles(), g.chunk)
	return g
}

func (g *winogradFilterPlan) strideD() int { return g.chunk*g.ldd + 16 }
func (g *winogradFilterPlan) strideA() int { return g.c*g.k + 16 }
func (g *winogradFilterPlan) shared() int {
	return frequencies * (g.strideV() + g.strideD() + g.strideA())
}

func (g *winogradFilterPlan) run(e *Engine, dw, x, dy []float32) {
	v := e.shared[:frequencies*g.strideV()]
	d := e.shared[len(v):][:frequencies*g.strideD()]
	a := e.shared[len(v)+len(d):][:frequencies*g.strideA()]
	for lo := 0; lo < g.tiles(); lo += g.chunk {
		hi := min(g.tiles(), lo+g.chunk)
		e.each(blocks(hi-lo, filterGroup), func(w *worker, i int) {
			first, last := block(hi-lo, filterGroup, i)
			g.forward(e, w, v[first*g.ldv:], x, lo+first, lo+last)
			g.forwardDy(e, w, d[first*g.ldd:], dy, lo+first, lo+last)
		})
		g.accumulate(e, a, v, d, hi-lo, lo > 0)
	}
	e.each(g.c, func(w *worker, c int) {
		w.tiles.taps(c*g.k, g.c*g.k)
		e.k.dw(g.k, a[c*g.k:], g.strideA(), dw, &w.tiles)
	})
}

// forwardDy takes tiles of dy to frequencies: d[f][t][k].
func (g *winogradFilterPlan) forwardDy(e *Engine, w *worker, d, dy []float32, lo, hi int) {
	outside := e.k.outside(dy, e.zeros)
	for t := lo; t < hi; t++ {
		n, p, q := g.place(t)
		w.tiles.set(tileOut, n*g.p*g.q*g.k, p, q, g.p, g.q, g.k, outside)
		e.k.dy(g.k, d[(t-lo)*g.ldd:], g.strideD(), dy, &w.tiles)
	}
}

// accumulate adds a chunk's products to a, or begins it. A task is some rows of one frequency: each
// element of a is one task's for all chunks, so the order of its sum is fixed.
func (g *winogradFilterPlan) accumulate(e *Engine, a, v, d []float32, tiles int, add bool) {
	rowTasks := blocks(g.c, gemmRows)
	e.each(frequencies*rowTasks, func(w *worker, i int) {
		f := i / rowTasks
		m0, m1 := block(g.c, gemmRows, i%rowTasks)
		t := &w.tile
		*t = tile{off: oneRun, run: tiles, lda: g.ldv, rowStep: 1, ldb: g.ldd, ldc: g.k}
		if add {
			t.flags = tileAccumulate
		}
		for n := 0; n < g.k; n += e.k.nr {
			t.b = d[f*g.strideD()+n:]
			t.cols = min(e.k.nr, g.k-n)
			t.a, t.c = v[f*g.strideV()+m0:], a[f*g.strideA()+m0*g.k+n:]
			t.sweep(e.k.transposed, m1-m0, e.k.mr)
		}
	})
}
