package kernel

// runGathered is run by way of a matrix: the r·s·c floats that each output sees, one row for each.
func (g *correlation) runGathered(e *Engine, y, x, packed []float32, b panels, ep Epilogue) {
	pixels, ld := g.n*g.p*g.q, g.depth()+16
	e.each(blocks(pixels, gatherPixels), func(w *worker, i int) {
		lo, hi := block(pixels, gatherPixels, i)
		for m := lo; m < hi; m++ {
			g.gather(w.scratch[(m-lo)*ld:][:g.depth()], x, m)
		}
		t := &w.tile
		*t = tile{off: oneRun, lda: ld, rowStep: ld, ldb: b.nr, ldc: g.colStep}
		for j := range b.count() {
			for k := 0; k < g.depth(); k += t.run {
				t.run = evenRows(g.depth()-k, pieceDepth)
				t.b = b.panel(packed, j)[k*b.nr:]
				g.gatheredTiles(e, t, w.scratch[k:], y, ep, j*b.nr, lo, hi, k)
			}
		}
	})
}

// gatheredTiles adds to outputs lo…hi the piece of the sums from k on, for one panel. A tile ends where the outputs stop being
// equally far apart: at the end of a row of the grid, or never when the grid is the whole image.
func (g *correlation) gatheredTiles(e *Engine, t *tile, rows, y []float32, ep Epilogue, n0, lo, hi, k int) {
	t.cols = min(t.ldb, g.k-n0)
	whole := g.rowStep == g.q*g.colStep && g.imageStep == g.p*g.rowStep
	for m, left := lo, 0; m < hi; m += left {
		left = hi - m
		if !whole {
			left = min(left, g.q-m%g.q)
		}
		t.a = rows[(m-lo)*t.lda:]
		at := m/(g.p*g.q)*g.imageStep + g.base + m/g.q%g.p*g.rowStep + m%g.q*g.colStep + n0
		t.target(ep, y, at, n0, k == 0, k+t.run == g.depth())
		t.sweep(e.k.direct, left, e.k.mr)
	}
}

// see copies of what the outputs lo…hi see the taps m0…m1, a row for each output, ld apart.
func (g *correlation) see(dst []float32, ld int, x []float32, m0, m1, lo, hi int) {
	run := g.s * g.c
	for m := lo; m < hi; m++ {
		n, p, q := m/(g.p*g.q), m/g.q%g.p, m%g.q
		image := x[n*g.h*g.w*g.c:][:g.h*g.w*g.c]
		row := dst[(m-lo)*ld:][:m1-m0]
		for at := m0; at < m1; {
			r, from := at/run, at%run
			piece := min(run-from, m1-at)
			g.copyRun(row[at-m0:][:piece], image, p*g.step-g.top+r, (q*g.step-g.left)*g.c+from)
			at += piece
		}
	}
}

// gather copies what output m sees.
func (g *correlation) gather(dst, x []float32, m int) {
	g.see(dst, len(dst), x, 0, len(dst), m, m+1)
}
