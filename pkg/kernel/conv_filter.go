package kernel

// filterPlan is the gradient by the filter without tiles:
//
//	dw[r,s,c,k] = Σ over outputs of x[seen by (r,s), c]·dy[output, k]
//
// a product of what the outputs see, (outputs, taps), transposed, with dy (outputs, k). Outputs are
// cut into shards and taps into bands; one task sums one band over one shard, chunk by chunk, all by
// itself: threads meet only at the end, where the shards' sums are added in order. Small filters are
// cut into many shards, large ones, whose sums would fill the memory, into many bands.
type filterPlan struct {
	g      correlation
	shards int
	bands  int
	band   int // taps of a band
	strip  int // taps of it that are copied at a time
	chunk  int // outputs that are taken at a time
	packDy bool
}

const (
	filterTasks = 16         // shards × bands, whatever the number of threads: the bits must not depend on it
	filterSums  = 1 << 21    // floats of all shards' sums, roughly
	filterChunk = 256        // outputs: a panel of dy and the rows of a tile stay in the first cache
	filterStrip = 2 * 6 * 14 // taps: whole tiles of either branch
	packTaps    = 128        // taps from which packing dy pays
)

func (e *Engine) planFilter(s ConvShape) *filterPlan {
	f := &filterPlan{g: s.correlation()}
	taps := s.taps()
	f.shards = max(1, min(filterTasks, filterSums/s.sizeW(), blocks(s.pixels(), filterChunk)))
	f.band = evenRows(taps, max(2*filterStrip, blocks(taps, blocks(filterTasks, f.shards))))
	f.bands = blocks(taps, f.band)
	f.strip = min(f.band, filterStrip)
	f.chunk = evenRows(blocks(s.pixels(), f.shards), filterChunk)
	f.packDy = f.band >= packTaps || s.K%e.k.nr != 0
	return f
}

// lda is the distance of the rows that outputs see, once copied.
func (f *filterPlan) lda() int { return spaced(f.strip) }

func (f *filterPlan) dyPanels(outputs int, k *table) panels {
	return panels{cols: f.g.k, depth: outputs, table: k}
}

// scratch is what the plan needs of the shared and of each thread's private scratch, in floats.
func (f *filterPlan) scratch(k *table) (shared, private int) {
	return (f.shards - 1) * f.g.depth() * f.g.k, f.chunk*f.lda() + f.dyPanels(f.chunk, k).size()
}

func (f *filterPlan) run(e *Engine, dw, x, dy []float32) {
	total, size := f.g.n*f.g.p*f.g.q, f.g.depth()*f.g.k
	perShard := blocks(total, f.shards)
	e.each(f.shards*f.bands, func(w *worker, i int) {
		shard, band := i/f.bands, i%f.bands
		sum := dw
		if shard > 0 {
			sum = e.shared[(shard-1)*size:][:size]
		}
		m0, m1 := block(f.g.depth(), f.band, band)
		lo, hi := block(total, perShard, shard)
		f.sum(e, w, sum, x, dy, m0, m1, lo, hi)
	})
	if f.shards > 1 {
		e.elementwise(size, func(lo, hi int) { addShards(e.k, dw[lo:hi], e.shared[lo:], size, f.shards-1) })
	}
}

// addShards adds to sum the count others that lie stride apart, in order.
func addShards(k *table, sum, others []float32, stride, count int) {
	for i := range count {
		k.add(sum, sum, others[i*stride:][:len(sum)])
	}
}

// sum makes the taps m0…m1 of sum from the outputs lo…hi.
func (f *filterPlan) sum(e *Engine, w *worker, sum, x, dy []float32, m0, m1, lo, hi int) {
	k := f.g.k
	if lo >= hi {
		clear(sum[m0*k : m1*k])
	}
	seen, packed := w.scratch[:f.chunk*f.lda()], w.scratch[f.chunk*f.lda():]
	t := &w.tile
	for first := lo; first < hi; first += f.chunk {
		last := min(hi, first+f.chunk)
		*t = tile{off: oneRun, run: last - first, lda: f.lda(), rowStep: 1, ldb: k, ldc: k}
		if first > lo {
			t.flags = tileAccumulate
		}
		b := f.dyPanels(last-first, e.k)
		if f.packDy {
			t.ldb = b.nr
			for i := range b.count() {
				b.pack(packed, dy[first*k:], k, false, i)
			}
		}
		for m := m0; m < m1; m += f.strip {
			end := min(m1, m+f.strip)
			f.g.see(seen, f.lda(), x, m, end, first, last)
			for n := 0; n < k; n += b.nr {
				t.cols, t.b = min(b.nr, k-n), dy[first*k+n:]
				if f.packDy {
					t.b = b.panel(packed, n/b.nr)
				}
				t.a, t.c = seen, sum[m*k+n:]
				t.sweep(e.k.transposed, end-m, e.k.mr)
			}
		}
	}
}
