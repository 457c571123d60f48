package kernel

// filterPlan is the gradient by the filter without tiles:
//
//	dw[r,s,c,k] = Σ over outputs of x[seen by (r,s), c]·dy[output, k]
//
// For one r the (s,c) that an output sees are contiguous, and the outputs of a row lie equally far
// apart: that is a transposed tile with a run for each output row. Outputs are taken in chunks of
// rows, and each tile of dw is one task's for all chunks, so the order of its sum is fixed.
type filterPlan struct {
	g       correlation
	rows    int // output rows of a chunk
	packDy  bool
	offsets []int
}

const (
	filterPixels  = 1024 // outputs of a chunk, roughly
	filterTaskRow = 112  // rows of dw in a task, at most
	packTaps      = 128  // rows of dw from which packing dy pays
)

func (e *Engine) planFilter(s ConvShape) *filterPlan {
	f := &filterPlan{g: s.correlation()}
	f.rows = min(s.N*f.g.p, max(1, filterPixels/f.g.q))
	f.packDy = s.taps() >= packTaps || s.K%e.k.nr != 0
	f.offsets = make([]int, f.rows)
	return f
}

// bandFloats is the room for the source that a chunk sees. Rows of one image share what they see
// in common; each image begins anew.
func (f *filterPlan) bandFloats() int {
	if f.g.inPlace() {
		return 0
	}
	images := blocks(f.rows-1, f.g.p) + 1
	return (f.rows*f.g.step + images*max(0, f.g.r-f.g.step)) * f.g.bandWidth() * f.g.c
}

func (f *filterPlan) panels(rows int, k *table) panels {
	return panels{cols: f.g.k, depth: rows * f.g.q, table: k}
}

func (f *filterPlan) shared(k *table) int {
	p := f.panels(f.rows, k)
	return p.size() + f.bandFloats()
}

func (f *filterPlan) run(e *Engine, dw, x, dy []float32) {
	total := f.g.n * f.g.p
	for lo := 0; lo < total; lo += f.rows {
		hi := min(total, lo+f.rows)
		b := f.panels(hi-lo, e.k)
		packed := e.shared[:b.size()]
		source, width := x, f.g.w
		if f.g.inPlace() {
			for i := range hi - lo {
				f.offsets[i] = f.inPlaceOffset(lo + i)
			}
		} else {
			source, width = e.shared[b.size():], f.g.bandWidth()
			f.copyBands(e, source, x, lo, hi)
		}
		if f.packDy {
			e.each(b.count(), func(_ *worker, i int) { b.pack(packed, dy[lo*f.g.q*f.g.k:], f.g.k, false, i) })
		}
		f.accumulate(e, dw, source, width*f.g.c, packed, dy[lo*f.g.q*f.g.k:], b, lo > 0)
	}
}

func (f *filterPlan) inPlaceOffset(row int) int {
	n, p := row/f.g.p, row%f.g.p
	return ((n*f.g.h+p*f.g.step-f.g.top)*f.g.w - f.g.left) * f.g.c
}

// copyBands copies the source that the output rows lo…hi (counted through all images) see, with
// zeros around, and notes where each row's begins.
func (f *filterPlan) copyBands(e *Engine, dst, x []float32, lo, hi int) {
	line := f.g.bandWidth() * f.g.c
	at := 0
	for row := lo; row < hi; {
		n, p := row/f.g.p, row%f.g.p
		count := min(hi-row, f.g.p-p)
		for i := range count {
			f.offsets[row-lo+i] = (at + i*f.g.step) * line
		}
		image, first, lines := x[n*f.g.h*f.g.w*f.g.c:], p*f.g.step-f.g.top, f.g.bandRows(count)
		band := dst[at*line:][:lines*line]
		const some = 8
		e.each(blocks(lines, some), func(_ *worker, i int) {
			a, b := block(lines, some, i)
			f.g.copyBand(band[a*line:], image, first+a, b-a)
		})
		at += lines
		row += count
	}
}

// accumulate adds a chunk's products to dw, or begins it.
func (f *filterPlan) accumulate(e *Engine, dw, source []float32, line int, packed, dy []float32, b panels, add bool) {
	g := &f.g
	height := g.s * g.c
	perTask := min(filterTaskRow, blocks(height, blocks(4*e.threads, g.r)))
	rowTasks := blocks(height, perTask)
	e.each(g.r*rowTasks, func(w *worker, i int) {
		r := i / rowTasks
		m0, m1 := block(height, perTask, i%rowTasks)
		t := &w.tile
		*t = tile{off: f.offsets[:b.depth/g.q], run: g.q, lda: g.step * g.c, rowStep: 1, ldb: g.k, ldc: g.k}
		if add {
			t.flags = tileAccumulate
		}
		for n := 0; n < g.k; n += b.nr {
			t.cols = min(b.nr, g.k-n)
			t.b = dy[n:]
			if f.packDy {
				t.b, t.ldb = b.panel(packed, n/b.nr), b.nr
			}
			t.a, t.c = source[r*line+m0:], dw[(r*height+m0)*g.k+n:]
			t.sweep(e.k.transposed, m1-m0, e.k.mr)
		}
	})
}
