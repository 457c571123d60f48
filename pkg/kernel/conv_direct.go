package kernel

// correlation is a convolution as the direct kernels see it: a grid of p×q outputs with k channels, of
// which (i,j) sees the r×s source pixels from (i·step−top, j·step−left) on. The grid may be every
// Stride-th pixel of the output image: that is what the gradient by a strided convolution's input
// falls into.
type correlation struct {
	n, h, w, c int // source images
	r, s, step int
	top, left  int
	p, q, k    int
	base       int // of the grid in an output image
	rowStep    int // from one row of the grid to the next, in floats
	colStep    int
	imageStep  int
}

const (
	directPixels = 224 // outputs of one task, roughly
	directLeast  = 6   // outputs in a row below which gathering pixels into full tiles is better
	gatherPixels = 112 // outputs of one task, gathered
	// pieceDepth is the most products that are added up in one go: sums of sums lose fewer bits, and
	// a piece of a panel stays in the cache.
	pieceDepth = 1152
)

func (g *correlation) depth() int { return g.r * g.s * g.c }

// inPlace says whether the source can be read where it lies: no output sees beyond the image.
func (g *correlation) inPlace() bool {
	return g.top <= 0 && g.left <= 0 && (g.p-1)*g.step-g.top+g.r <= g.h && (g.q-1)*g.step-g.left+g.s <= g.w
}

// gathers says whether pixels are copied into the rows of a matrix: where rows of the grid are too
// short for a tile, or the pixels of a tile would push each other out of the cache.
func (g *correlation) gathers() bool {
	return g.q < directLeast && g.p*g.n > 1 || g.step*g.c%aliasing == 0
}

// rows is how many rows of the grid a task takes.
func (g *correlation) rows() int { return min(g.p, max(1, directPixels/g.q)) }

// bandWidth and bandRows are the size of the source that a task sees, in pixels.
func (g *correlation) bandWidth() int        { return (g.q-1)*g.step + g.s }
func (g *correlation) bandRows(rows int) int { return (rows-1)*g.step + g.r }

// private is the scratch of one task, in floats.
func (g *correlation) private() int {
	if g.gathers() {
		return gatherPixels * (g.depth() + 16)
	}
	if g.inPlace() {
		return 0
	}
	return g.bandRows(g.rows()) * g.bandWidth() * g.c
}

// run computes the grid of y from x and the packed filter.
func (g *correlation) run(e *Engine, y, x, packed []float32, b panels, ep Epilogue) {
	if g.p < 1 || g.q < 1 {
		return
	}
	ep.past = goesPast(y, g.k)
	if g.gathers() {
		g.runGathered(e, y, x, packed, b, ep)
		return
	}
	rows := g.rows()
	bands := blocks(g.p, rows)
	e.each(g.n*bands, func(w *worker, i int) {
		lo, hi := block(g.p, rows, i%bands)
		g.band(e, w, y, x, packed, b, ep, i/bands, lo, hi)
	})
}

// band computes the rows lo…hi of the grid of one image.
func (g *correlation) band(e *Engine, w *worker, y, x, packed []float32, b panels, ep Epilogue, image, lo, hi int) {
	source, width := x[image*g.h*g.w*g.c:][:g.h*g.w*g.c], g.w
	first := ((lo*g.step-g.top)*g.w - g.left) * g.c
	if !g.inPlace() {
		width, first = g.bandWidth(), 0
		g.copyBand(w.scratch, source, lo*g.step-g.top, g.bandRows(hi-lo))
		source = w.scratch
	}
	t := &w.tile
	*t = tile{run: g.s * g.c, lda: g.step * g.c, rowStep: g.step * g.c, ldb: b.nr, ldc: g.colStep}
	runs, perPiece := w.runs(g.r, width*g.c), max(1, pieceDepth/t.run)
	for i := range b.count() * blocks(g.r, perPiece) {
		j, piece := i/blocks(g.r, perPiece), i%blocks(g.r, perPiece)
		n0, n1 := block(b.cols, b.nr, j)
		r0, r1 := block(g.r, perPiece, piece)
		t.off, t.b, t.cols = runs[r0:r1], b.panel(packed, j)[r0*t.run*b.nr:], n1-n0
		for p := lo; p < hi; p++ {
			t.a = source[first+(p-lo)*g.step*width*g.c:]
			t.target(ep, y, image*g.imageStep+g.base+p*g.rowStep+n0, n0, r0 == 0, r1 == g.r)
			t.sweep(e.k.direct, g.q, e.k.mr)
		}
	}
}

// target points a tile at its outputs. The first piece of a sum begins them, the last one adds the
// epilogue.
func (t *tile) target(ep Epilogue, y []float32, at, n0 int, first, last bool) {
	t.c, t.flags, t.bias, t.residual = y[at:], 0, nil, nil
	if !first {
		t.flags = tileAccumulate
	}
	if !last {
		return
	}
	if first && ep.past {
		t.flags |= tilePast
	}
	if ep.ReLU {
		t.flags |= tileReLU
	}
	if ep.Bias != nil {
		t.bias = ep.Bias[n0:]
	}
	if ep.Residual != nil {
		t.residual = ep.Residual[at:]
	}
}

// runs is the offset list of count runs that lie step apart.
func (w *worker) runs(count, step int) []int {
	for len(w.offsets) < count {
		w.offsets = append(w.offsets, 0)
	}
	for i := range count {
		w.offsets[i] = i * step
	}
	return w.offsets[:count]
}

// copyBand copies the source rows from top on, with zeros for what lies beyond the image.
func (g *correlation) copyBand(dst, image []float32, top, rows int) {
	for r := range rows {
		row := dst[r*g.bandWidth()*g.c:][:g.bandWidth()*g.c]
		g.copyRow(row, image, top+r)
	}
}

// copyRow copies one source row, from column −left on, to fill dst.
func (g *correlation) copyRow(dst, image []float32, row int) {
	g.copyRun(dst, image, row, -g.left*g.c)
}

// copyRun copies of one source row the floats from first on, with zeros for what lies beyond it, to
// fill dst.
func (g *correlation) copyRun(dst, image []float32, row, first int) {
	line := g.w * g.c
	if row < 0 || row >= g.h {
		clear(dst)
		return
	}
	if first >= 0 && first+len(dst) <= line {
		copy(dst, image[row*line+first:])
		return
	}
	before := min(len(dst), max(-first, 0))
	clear(dst[:before])
	from := min(line, max(first, 0))
	copied := copy(dst[before:], image[row*line+from:(row+1)*line])
	clear(dst[before+copied:])
}
