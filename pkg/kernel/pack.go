package kernel

// panels is B cut into panels of nr columns, each (depth, nr) contiguous and filled up with zeros,
// so that a micro-kernel reads it in order and needs no masks.
type panels struct {
	cols, depth int
	*table      // whose nr is the width of a panel
}

func (p panels) count() int { return blocks(p.cols, p.nr) }
func (p panels) size() int  { return p.count() * p.depth * p.nr }

// panel returns panel i of the packed matrix.
func (p panels) panel(packed []float32, i int) []float32 {
	return packed[i*p.depth*p.nr:][:p.depth*p.nr]
}

// pack fills panel i from b: (depth, cols) with rows ldb apart, or transposed (cols, depth).
func (p panels) pack(packed, b []float32, ldb int, transposed bool, i int) {
	n0, n1 := block(p.cols, p.nr, i)
	dst := p.panel(packed, i)
	if transposed {
		p.packTransposed(dst, b[n0*ldb:], ldb, n1-n0)
		return
	}
	for k := range p.depth {
		row := dst[k*p.nr:][:p.nr]
		clear(row[copy(row, b[k*ldb+n0:k*ldb+n1]):])
	}
}

// packTransposed fills a panel from cols rows of depth, ldb apart.
func (p panels) packTransposed(dst, b []float32, ldb, cols int) {
	if cols < p.nr {
		clear(dst)
	}
	p.transpose(cols, p.depth, dst, p.nr, b, ldb)
}
