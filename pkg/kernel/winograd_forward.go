package kernel

// run computes y from x and the transformed filter u, chunk by chunk: each thread takes a chunk of
// tiles through all three steps in its private scratch.
func (g *winogradPlan) run(e *Engine, y, x, u []float32, ep Epilogue) {
	step := g.step(e)
	e.each(blocks(g.tiles(), step), func(w *worker, i int) {
		lo, hi := block(g.tiles(), step, i)
		v := w.scratch[:frequencies*g.strideV()]
		m := w.scratch[len(v):][:frequencies*g.strideM()]
		g.forward(e, w, v, x, lo, hi)
		g.multiply(e, &w.tile, m, v, u, hi-lo)
		g.back(e, w, y, m, ep, lo, hi)
	})
}

// step is the number of tiles of a task: a chunk, or less where there would be too few tasks to keep
// the threads evenly busy. It does not touch the bits: every tile is computed by itself.
func (g *winogradPlan) step(e *Engine) int {
	rounds := blocks(g.tiles(), g.chunk*e.threads)
	return min(g.chunk, blocks(g.tiles(), rounds*e.threads))
}

// forward takes the tiles lo…hi of x to frequencies: v[f][t][c].
func (g *winogradPlan) forward(e *Engine, w *worker, v, x []float32, lo, hi int) {
	outside := e.k.outside(x, e.zeros)
	for t := lo; t < hi; t++ {
		n, p, q := g.place(t)
		w.tiles.set(tileIn, n*g.h*g.w*g.c, p-g.pad, q-g.pad, g.h, g.w, g.c, outside)
		e.k.input(g.c, v[(t-lo)*g.ldv:], g.strideV(), x, &w.tiles)
	}
}

// multiply computes m[f] (tiles, k) = v[f] (tiles, c)·u[f] (c, k) for every frequency.
func (g *winogradPlan) multiply(e *Engine, t *tile, m, v, u []float32, tiles int) {
	*t = tile{off: oneRun, run: g.c, lda: g.ldv, rowStep: g.ldv, ldb: g.u.nr, ldc: g.ldm, ahead: g.c * g.u.nr}
	for f := range frequencies {
		for j := range g.u.count() {
			t.b = g.u.panel(u[f*g.strideU():], j)
			t.cols = min(g.u.nr, g.k-j*g.u.nr)
			t.a, t.c = v[f*g.strideV():], m[f*g.strideM()+j*g.u.nr:]
			t.sweep(e.k.direct, tiles, e.k.mr)
		}
	}
}

// back takes m to the outputs of tiles lo…hi, with the epilogue.
func (g *winogradPlan) back(e *Engine, w *worker, y, m []float32, ep Epilogue, lo, hi int) {
	bias, floor := ep.Bias, noFloor
	if bias == nil {
		bias = e.zeros
	}
	if ep.ReLU && ep.Residual == nil {
		floor = zeroFloor
	}
	nowhere := w.scratch[len(w.scratch)-g.nowhere():]
	outside, output := e.k.outside(y, nowhere), e.k.output
	if e.k.outputPast != nil && ep.Residual == nil && goesPast(y, g.k) && isAligned(nowhere) {
		output = e.k.outputPast
	}
	for t := lo; t < hi; t++ {
		n, p, q := g.place(t)
		w.tiles.set(tileOut, n*g.p*g.q*g.k, p, q, g.p, g.q, g.k, outside)
		output(g.k, m[(t-lo)*g.ldm:], g.strideM(), y, &w.tiles, bias, floor)
		if ep.Residual != nil {
			g.addResidual(e, y, ep, n, p, q)
		}
	}
}

// addResidual finishes the outputs of a tile while they are in the cache.
func (g *winogradPlan) addResidual(e *Engine, y []float32, ep Epilogue, n, p, q int) {
	wide := min(tileOut, g.q-q) * g.k
	for row := p; row < min(p+tileOut, g.p); row++ {
		at := ((n*g.p+row)*g.q + q) * g.k
		out := y[at:][:wide]
		e.k.add(out, out, ep.Residual[at:][:wide])
		if ep.ReLU {
			e.k.relu(out, out)
		}
	}
}

// transformFilter fills u[f] with the panels of G·w·Gᵀ for w (3,3,c,k).
func (g *winogradPlan) transformFilter(e *Engine, u, w []float32) {
	count := g.u.count()
	e.each(g.c, func(wk *worker, c int) {
		for j := range count {
			n0, n1 := block(g.k, g.u.nr, j)
			wk.tiles.taps(c*g.k+n0, g.c*g.k)
			at := (j*g.c + c) * g.u.nr
			if n1-n0 < g.u.nr {
				for f := range frequencies {
					clear(u[f*g.strideU()+at:][:g.u.nr])
				}
			}
			e.k.filter(n1-n0, u[at:], g.strideU(), w, &wk.tiles)
		}
	})
}
