package kernel

// tile is one call of a matrix micro-kernel: a few rows by one panel of columns,
//
//	C[m,n] (+)= Σ_i Σ_k A(i,m,k) · B[i·run+k, n],   0 ≤ i < len(off), 0 ≤ k < run
//
// and then bias, residual and ReLU. The two families differ in A:
//
//	direct:      A(i,m,k) = a[off[i] + m·lda + k]     rows apart by lda, k contiguous
//	transposed:  A(i,m,k) = a[off[i] + k·lda + m]     rows contiguous, k apart by lda
//
// The runs are what lets a convolution read its input where it lies: in channels-last memory a
// filter row is one run of S·C floats. All distances are in floats. B must be readable over a whole
// panel even where cols is less; C, bias and residual are touched only in rows×cols.
// The assembly reads this struct by field offset: see TestTileLayout.
type tile struct {
	a, b, c        []float32
	bias, residual []float32 // nil = none; residual lies like c
	off            []int
	lda, ldb, ldc  int
	run            int
	rows, cols     int // 1…mr, 1…nr
	flags          int
	ahead          int // from b to what should be brought near the cache meanwhile: the next panel
	more           int // how many more blocks of rows follow, each below the last
	rowStep        int // from row to row of A: lda, or 1 when transposed
}

const (
	tileAccumulate = 1 << iota // add to what C holds
	tileReLU
	tilePast // store full panels past the cache; c and ldc in whole cache lines
)

// table is one branch: the micro-kernels and strips that the drivers are written against.
type table struct {
	branch     Branch
	mr, nr     int // rows and columns of the largest tile
	direct     func(t *tile)
	transposed func(t *tile)
	pairs      *pairForms
	strips
}

// sweep runs a micro-kernel over rows of A and C that lie as in the tile, in blocks of nearly equal
// height: a thin last one would keep the multipliers waiting.
func (t *tile) sweep(kernel func(t *tile), rows, mr int) {
	t.rows = evenRows(rows, mr)
	t.more = rows/t.rows - 1
	a, c, residual, done := t.a, t.c, t.residual, t.rows*(t.more+1)
	kernel(t)
	if done == rows {
		return
	}
	t.rows, t.more = rows-done, 0
	t.a, t.c = a[done*t.rowStep:], c[done*t.ldc:]
	if residual != nil {
		t.residual = residual[done*t.ldc:]
	}
	kernel(t)
}

// repeat runs a kernel of one block for all blocks of the tile.
func (t *tile) repeat(block func(t *tile)) {
	block(t)
	for range t.more {
		t.a, t.c = t.a[t.rows*t.rowStep:], t.c[t.rows*t.ldc:]
		if t.residual != nil {
			t.residual = t.residual[t.rows*t.ldc:]
		}
		block(t)
	}
}

// evenRows is the height of the blocks that rows are cut into.
func evenRows(rows, mr int) int { return blocks(rows, blocks(rows, mr)) }

// oneRun is the offset list of an operand that is one run.
var oneRun = []int{0}
