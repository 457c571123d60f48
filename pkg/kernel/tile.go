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

// oneRun is the offset list of an operand that is one run.
var oneRun = []int{0}
