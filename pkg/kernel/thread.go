package kernel

// Loop is a parallel loop prepared once, so that running it makes no garbage. Its tasks get a Thread
// to work with.
type Loop struct {
	e   *Engine
	run func(w *worker, i int)
}

// Thread is what a task of a Loop has to itself while it runs. Its methods work in the calling thread.
type Thread struct {
	k *table
	w *worker
}

// NewLoop prepares a loop over task.
func (e *Engine) NewLoop(task func(t Thread, i int)) *Loop {
	return &Loop{e: e, run: func(w *worker, i int) { task(Thread{k: e.k, w: w}, i) }}
}

// Run is Engine.Parallel for the loop's task, with scratch memory of so many floats for each thread.
func (l *Loop) Run(n, scratch int) {
	l.e.reserve(0, scratch)
	l.e.each(n, l.run)
}

// Scratch is n floats of the thread's own, on a cache line, with anything in them; n is at most what
// Run was called with.
func (t Thread) Scratch(n int) []float32 { return t.w.scratch[:n] }

// PackedShape describes C (M,N) = op(A)·B, or C += op(A)·B, with B packed (K,N). With TransA, A holds
// the matrix (K,M). Rows of what is stored lie Lda and Ldc floats apart.
type PackedShape struct {
	M, N, K            int
	TransA, Accumulate bool
	Lda, Ldc           int
}

// PackedLen is how many floats a matrix (k,n) takes when packed.
func (e *Engine) PackedLen(k, n int) int { return panels{cols: n, depth: k, table: e.k}.size() }

// Pack lays the matrix b (k,n), or with transposed (n,k), tightly packed by rows, out for GemmPacked.
func (t Thread) Pack(dst, b []float32, k, n int, transposed bool) {
	p := panels{cols: n, depth: k, table: t.k}
	dst, b = dst[:p.size()], b[:k*n]
	ldb := n
	if transposed {
		ldb = k
	}
	for i := range p.count() {
		p.pack(dst, b, ldb, transposed, i)
	}
}

// GemmPacked computes C (+)= op(A)·B for B as Pack left it.
func (t Thread) GemmPacked(s PackedShape, c, a, packed []float32) {
	p := panels{cols: s.N, depth: s.K, table: t.k}
	g := &t.w.tile
	*g = tile{off: oneRun, run: s.K, lda: s.Lda, ldb: p.nr, ldc: s.Ldc, ahead: s.K * p.nr}
	if s.Accumulate {
		g.flags = tileAccumulate
	}
	kernel := t.k.direct
	g.rowStep = s.Lda
	if s.TransA {
		kernel, g.rowStep = t.k.transposed, 1
	}
	for n := 0; n < s.N; n += p.nr {
		g.b = p.panel(packed, n/p.nr)
		g.cols = min(p.nr, s.N-n)
		g.a, g.c = a, c[n:]
		g.sweep(kernel, s.M, t.k.mr)
	}
}
