package kernel

// winogradFilterPlan is the gradient by the filter through tiles: at each frequency
// a (c, k) = Σ over tiles of v (tiles, c)ᵀ·d (tiles, k), and dw = Gᵀ·a·G.
//
// With few channels the sums a are small: the tiles are cut into shards, each of which one thread
// takes through all steps on its own, into sums of its own, which are added at the end in the order
// of the shards. With many the sums are one, and all threads work on one chunk of tiles at a time.
type winogradFilterPlan struct {
	winogradPlan
	ldd    int
	shards int // 0: one sum
}

const (
	// Tiles of a chunk: a shard's should stay near, with their products' sums; with one sum it should
	// be worth the way to memory and back.
	filterChunkShard = 84
	filterChunkMany  = 128
	filterGroup      = 4 // tiles of one task of the transforms
	// filterShards is how many sums there are, whatever the number of threads: the bits must not
	// depend on it.
	filterShards = 16
	// fewProducts is the greatest c·k with sums for each shard.
	fewProducts = 128 * 128
)

func (e *Engine) planWinogradFilter(s ConvShape) *winogradFilterPlan {
	g := &winogradFilterPlan{winogradPlan: *e.planWinograd(s.N, s.H, s.W, s.C, s.P(), s.Q(), s.K, s.Pad)}
	g.ldd = g.ldm
	g.chunk = evenRows(g.tiles(), filterChunkMany)
	if s.C*s.K <= fewProducts {
		g.shards = min(filterShards, blocks(g.tiles(), filterChunkShard))
		g.chunk = evenRows(blocks(g.tiles(), g.shards), filterChunkShard)
	}
	return g
}

func (g *winogradFilterPlan) strideD() int { return g.chunk*g.ldd + 16 }
func (g *winogradFilterPlan) strideA() int { return g.c*g.k + 16 }
func (g *winogradFilterPlan) sizeA() int   { return frequencies * g.strideA() }
func (g *winogradFilterPlan) sizeVD() int  { return frequencies * (g.strideV() + g.strideD()) }

// scratch is what the plan needs of the shared and of each thread's private scratch, in floats.
func (g *winogradFilterPlan) scratch() (shared, private int) {
	if g.shards > 0 {
		return g.shards * g.sizeA(), g.sizeVD()
	}
	return g.sizeA() + g.sizeVD(), 0
}

func (g *winogradFilterPlan) run(e *Engine, dw, x, dy []float32) {
	a := e.shared[:g.sizeA()]
	if g.shards > 0 {
		g.sumShards(e, x, dy)
	} else {
		g.sumTogether(e, a, e.shared[len(a):][:g.sizeVD()], x, dy)
	}
	if g.shards > 1 {
		size := g.sizeA()
		e.elementwise(size, func(lo, hi int) { addShards(e.k, a[lo:hi], e.shared[size+lo:], size, g.shards-1) })
	}
	e.each(g.c, func(w *worker, c int) {
		w.tiles.taps(c*g.k, g.c*g.k)
		e.k.dw(g.k, a[c*g.k:], g.strideA(), dw, &w.tiles)
	})
}

// sumShards lets each shard's tiles go into its own sums.
func (g *winogradFilterPlan) sumShards(e *Engine, x, dy []float32) {
	size := blocks(g.tiles(), g.shards)
	e.each(g.shards, func(w *worker, i int) {
		a := e.shared[i*g.sizeA():][:g.sizeA()]
		v := w.scratch[:frequencies*g.strideV()]
		d := w.scratch[len(v):][:frequencies*g.strideD()]
		first, last := block(g.tiles(), size, i)
		if first >= last {
			clear(a)
		}
		for lo := first; lo < last; lo += g.chunk {
			hi := min(last, lo+g.chunk)
			g.forward(e, w, v, x, lo, hi)
			g.forwardDy(e, w, d, dy, lo, hi)
			for f := range frequencies {
				g.products(e, w, f, 0, g.c, a, v, d, hi-lo, lo > first)
			}
		}
	})
}

// sumTogether takes chunk after chunk, all threads on each, into the one sum.
func (g *winogradFilterPlan) sumTogether(e *Engine, a, vd, x, dy []float32) {
	v := vd[:frequencies*g.strideV()]
	d := vd[len(v):]
	for lo := 0; lo < g.tiles(); lo += g.chunk {
		hi := min(g.tiles(), lo+g.chunk)
		e.each(blocks(hi-lo, filterGroup), func(w *worker, i int) {
			first, last := block(hi-lo, filterGroup, i)
			g.forward(e, w, v[first*g.ldv:], x, lo+first, lo+last)
			g.forwardDy(e, w, d[first*g.ldd:], dy, lo+first, lo+last)
		})
		rowTasks := blocks(g.c, gemmRows)
		e.each(frequencies*rowTasks, func(w *worker, i int) {
			m0, m1 := block(g.c, gemmRows, i%rowTasks)
			g.products(e, w, i/rowTasks, m0, m1, a, v, d, hi-lo, lo > 0)
		})
	}
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

// products adds a chunk's products at frequency f to rows m0…m1 of a, or begins them.
func (g *winogradFilterPlan) products(e *Engine, w *worker, f, m0, m1 int, a, v, d []float32, tiles int, add bool) {
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
}
