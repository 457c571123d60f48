package loss

import (
	"math"

	"supcon/pkg/kernel"
)

// Loss evaluates Eq. 1–3 and their gradient in float32 on the kernels. Beside Z
// and dZ it keeps Z in the form that the matrix kernels read, twice, one tile a
// thread and a few numbers per row, whatever M is; results are the same bits
// for every number of threads. It is not safe for concurrent use.
type Loss struct {
	cfg    Config
	engine *kernel.Engine

	// The batch of the last Forward.
	z         []float32
	m, d      int
	lo, hi    int
	counted   int
	grouping  grouping
	perAnchor []float64
	sums      []float64

	blocks
	wide        bool      // exponentials need a maximum for each row: see wide.go
	squares     []float64 // the largest ‖z‖² of each block
	columns     []float32 // Zᵀ by blocks, packed: the right factor of S
	packed      []float32 // Z by blocks, packed: the right factor of G·Z
	dz          []float32
	coefficient float64 // what ∂Loss/∂Z has before the sum: c/τ

	// What Backward needs to recompute q: the log-sum-exp of each row over A(i),
	// and over P(i) for Eq. 3; +Inf marks a row that is no counted anchor.
	lse, lsePositive []float64
	rows             []rowSum  // running sums of the rows; largest is reused by Backward
	all, positive    []float32 // c/τ·exp(−lse_i), and what a positive takes off: see finishRows

	packColumns, packRows, sum, gradient *kernel.Loop
}

// New returns a Loss that works on the engine's threads. A wrong configuration
// is an error of kind fault.Usage.
func New(e *kernel.Engine, cfg Config) (*Loss, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	l := &Loss{cfg: cfg, engine: e}
	l.packColumns, l.packRows = e.NewLoop(l.packColumnsOf), e.NewLoop(l.packRowsOf)
	l.sum, l.gradient = e.NewLoop(l.sumPair), e.NewLoop(l.gradientPair)
	return l, nil
}

// Forward returns the loss of a batch. z is Z, (M,D) row-major with
// M = len(groups), and has to stay unchanged until Backward; groups[i] is the
// group of row i (see Groups); rows lo..hi are the anchors, and each is
// contrasted with all M rows. The error is ErrNoPositives when no anchor has a
// positive.
//
// S is symmetric: each pair of blocks is multiplied once and adds to the rows
// of both.
func (l *Loss) Forward(z []float32, groups []int, d, lo, hi int) (Value, error) {
	l.counted = 0
	if err := checkBatch(len(z), len(groups), d, lo, hi); err != nil {
		return Value{}, err
	}
	l.z, l.m, l.d, l.lo, l.hi = z, len(groups), d, lo, hi
	l.prepare(groups)
	l.packColumns.Run(l.count, 0)
	l.wide = !(l.largestSimilarity() <= l.narrowest())
	for i := range l.rows {
		l.rows[i].reset(l.wide)
	}
	l.blocks.rounds(l.sum, l.scratch())
	l.finishRows()
	return l.value()
}

// Backward writes ∂Loss/∂Z of the last Forward to dz, (M,D):
//
//	dZ = (G + Gᵀ)·Z/τ,
//
// with G as in Naive. Both G_ij and G_ji follow from the one product s_ij and
// the saved log-sum-exps of rows i and j. So a tile W of G + Gᵀ takes three
// matrix products: S again, W·Z for the rows of the one block and Wᵀ·Z for
// those of the other.
func (l *Loss) Backward(dz []float32) error {
	if l.counted == 0 {
		return ErrNoPositives
	}
	if err := checkBatch(len(dz), l.m, l.d, l.lo, l.hi); err != nil {
		return err
	}
	l.dz = dz
	l.packed = resize(l.packed, l.count*l.engine.PackedLen(l.size, l.d))
	l.packRows.Run(l.count, 0)
	l.blocks.rounds(l.gradient, l.scratch())
	l.dz = nil
	return nil
}

func (l *Loss) prepare(groups []int) {
	l.blocks.set(l.m)
	l.grouping.set(groups)
	l.sums = resize(l.sums, 3*l.d)
	l.perAnchor = resize(l.perAnchor, l.hi-l.lo)
	l.lse, l.lsePositive = resize(l.lse, l.m), resize(l.lsePositive, l.m)
	for i := range l.lse {
		l.lse[i], l.lsePositive[i] = math.Inf(1), math.Inf(1)
	}
	l.rows = resize(l.rows, l.m)
	l.all, l.positive = resize(l.all, l.m), resize(l.positive, l.m)
	l.squares = resize(l.squares, l.count)
	l.columns = resize(l.columns, l.count*l.engine.PackedLen(l.d, l.size))
}

// scratch is what a thread needs: a tile, and two numbers for each of its rows
// and columns.
func (l *Loss) scratch() int { return l.size * (l.ld() + 4) }

// anchors says whether block i has any.
func (l *Loss) anchors(i int) bool {
	from, to := l.blocks.rows(i)
	return from < l.hi && to > l.lo
}

// zOf is the rows of block i, of Z or of dZ.
func (l *Loss) zOf(z []float32, i int) []float32 {
	from, to := l.blocks.rows(i)
	return z[from*l.d : to*l.d]
}

func (l *Loss) columnsOf(i int) []float32 {
	n := l.engine.PackedLen(l.d, l.size)
	return l.columns[i*n : (i+1)*n]
}

func (l *Loss) packedOf(i int) []float32 {
	n := l.engine.PackedLen(l.size, l.d)
	return l.packed[i*n : (i+1)*n]
}

func (l *Loss) packColumnsOf(t kernel.Thread, i int) {
	from, to := l.blocks.rows(i)
	t.Pack(l.columnsOf(i), l.zOf(l.z, i), l.d, to-from, true)
	l.squares[i] = 0
	for row := from; row < to; row++ {
		z := l.z[row*l.d : (row+1)*l.d]
		l.squares[i] = max(l.squares[i], float64(l.engine.Dot(z, z)))
	}
}

func (l *Loss) packRowsOf(t kernel.Thread, i int) {
	from, to := l.blocks.rows(i)
	t.Pack(l.packedOf(i), l.zOf(l.z, i), to-from, l.d, false)
}

// similarities fills x with ⟨z_r, z_c⟩, r in block i and c in block j.
func (l *Loss) similarities(t kernel.Thread, x []float32, i, j int) {
	rows, columns := len(l.zOf(l.z, i))/l.d, len(l.zOf(l.z, j))/l.d
	t.GemmPacked(kernel.PackedShape{M: rows, N: columns, K: l.d, Lda: l.d, Ldc: l.ld()}, x, l.zOf(l.z, i), l.columnsOf(j))
}

// addRows adds a tile of pairs (i,j) times the rows j of Z to the rows i of dZ;
// the first to do so writes them.
func (l *Loss) addRows(t kernel.Thread, x []float32, i, j int, first bool) {
	rows, columns := len(l.zOf(l.z, i))/l.d, len(l.zOf(l.z, j))/l.d
	t.GemmPacked(kernel.PackedShape{M: rows, N: l.d, K: columns, Lda: l.ld(), Ldc: l.d, Accumulate: !first}, l.zOf(l.dz, i), x, l.packedOf(j))
}

// addColumns adds the transposed tile times the rows i of Z to the rows j of dZ.
func (l *Loss) addColumns(t kernel.Thread, x []float32, i, j int) {
	rows, columns := len(l.zOf(l.z, i))/l.d, len(l.zOf(l.z, j))/l.d
	t.GemmPacked(kernel.PackedShape{M: columns, N: l.d, K: rows, TransA: true, Lda: l.ld(), Ldc: l.d, Accumulate: true}, l.zOf(l.dz, j), x, l.packedOf(i))
}

func (l *Loss) value() (Value, error) {
	if l.counted == 0 {
		return Value{WithoutPositives: l.hi - l.lo}, ErrNoPositives
	}
	var sum float64
	for _, x := range l.perAnchor {
		sum += x
	}
	v := Value{Unscaled: sum / float64(l.counted), Anchors: l.counted, WithoutPositives: l.hi - l.lo - l.counted}
	v.Loss = v.Unscaled * l.cfg.factor()
	l.grouping.statistics(&v, l.z, l.d, l.sums)
	return v, nil
}
