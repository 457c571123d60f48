package kernel

// GemmShape describes a matrix product C = op(A)·op(B), or C += op(A)·op(B), with op(A) of M×K and
// op(B) of K×N. With TransA, a holds the matrix (K,M); with TransB, b holds (N,K).
type GemmShape struct {
	M, N, K        int
	TransA, TransB bool
	Accumulate     bool
}

const (
	gemmK       = 512                  // depth of one block: a panel of it stays in the second cache
	gemmN       = 1024                 // columns of one block of B
	gemmShared  = gemmK * (gemmN + 32) // floats for that block, packed
	gemmRows    = 112                  // rows of one task
	gemmCols    = 512                  // columns of one task
	gemmPrivate = gemmRows * (gemmK + 16)
	leastTasks  = 4 // for each thread, so that they end together
)

// Gemm computes C (M,N) = op(A)·op(B), all row-major and tightly packed.
func (e *Engine) Gemm(s GemmShape, c, a, b []float32) { e.gemm(s, c, a, b, Epilogue{}) }

// gemm is Gemm with an epilogue, the bias along N.
func (e *Engine) gemm(s GemmShape, c, a, b []float32, ep Epilogue) {
	if s.M == 0 || s.N == 0 {
		return
	}
	c = c[:s.M*s.N]
	if s.K == 0 {
		if !s.Accumulate {
			clear(c)
		}
		return
	}
	a, b = a[:s.M*s.K], b[:s.N*s.K]
	ep.past = goesPast(c, s.N)
	for n0 := 0; n0 < s.N; n0 += gemmN {
		for k0 := 0; k0 < s.K; k0 += gemmK {
			e.gemmBlock(s, c, a, b, ep, n0, k0)
		}
	}
}

// gemmBlock adds the product over k0…k0+gemmK to the columns n0…n0+gemmN.
func (e *Engine) gemmBlock(s GemmShape, c, a, b []float32, ep Epilogue, n0, k0 int) {
	cols, depth := min(gemmN, s.N-n0), min(gemmK, s.K-k0)
	ldb := s.N
	from := b[k0*s.N+n0:]
	if s.TransB {
		ldb = s.K
		from = b[n0*s.K+k0:]
	}
	p := panels{cols: cols, depth: depth, table: e.k}
	packed := e.shared[:p.size()]
	e.each(p.count(), func(_ *worker, i int) { p.pack(packed, from, ldb, s.TransB, i) })

	part := gemmPart{s: s, c: c, a: a, packed: packed, p: p, ep: ep, n0: n0, k0: k0, rows: gemmRows}
	colTasks := blocks(cols, gemmCols)
	for part.rows > e.k.mr && blocks(s.M, part.rows)*colTasks < leastTasks*e.threads {
		part.rows /= 2
	}
	rowTasks := blocks(s.M, part.rows)
	e.each(rowTasks*colTasks, func(w *worker, i int) {
		part.run(e.k, w, i%rowTasks, i/rowTasks)
	})
}

// gemmPart is what the tasks of one block share.
type gemmPart struct {
	s            GemmShape
	c, a, packed []float32
	p            panels
	ep           Epilogue
	n0, k0       int
	rows         int // of one task
}

// run computes the tiles of one task: rows × columns of the block.
func (g *gemmPart) run(k *table, w *worker, rowTask, colTask int) {
	m0, m1 := block(g.s.M, g.rows, rowTask)
	c0, c1 := block(g.p.cols, gemmCols, colTask)
	t := &w.tile
	*t = tile{off: oneRun, run: g.p.depth, ldb: g.p.nr, ldc: g.s.N, ahead: g.p.depth * g.p.nr}
	kernel := k.direct
	a := g.a[m0*g.s.K+g.k0:]
	t.lda = g.s.K
	t.rowStep = t.lda
	switch {
	case g.s.TransA:
		kernel = k.transposed
		a, t.lda, t.rowStep = g.a[g.k0*g.s.M+m0:], g.s.M, 1
	case t.lda%aliasing == 0:
		a, t.lda = spread(w.scratch, a, m1-m0, g.p.depth, t.lda)
		t.rowStep = t.lda
	}
	for n := c0; n < c1; n += g.p.nr {
		t.b = g.p.panel(g.packed, n/g.p.nr)
		t.cols = min(g.p.nr, c1-n)
		t.a = a
		t.target(g.ep, g.c, m0*g.s.N+g.n0+n, g.n0+n, g.k0 == 0 && !g.s.Accumulate, g.k0+g.p.depth == g.s.K)
		t.sweep(kernel, m1-m0, k.mr)
	}
}

// aliasing is a distance in floats at which rows fall on so few places of the first cache that those
// of a tile push each other out.
const aliasing = 512

// spread copies rows to dst, a little more than their length apart.
func spread(dst, a []float32, rows, depth, lda int) ([]float32, int) {
	ld := depth + 16
	for m := range rows {
		copy(dst[m*ld:][:depth], a[m*lda:])
	}
	return dst, ld
}
