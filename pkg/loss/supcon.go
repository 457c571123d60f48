package loss

import (
	"math"

	"supcon/pkg/kernel"
)

// A tile of the similarity matrix is at most tileRows × tileColumns: the
// largest piece of S or G that ever exists.
const (
	tileRows    = 256
	tileColumns = 1024
	stripeRows  = 16 // rows that one task of a parallel loop takes
)

// Loss evaluates Eq. 1–3 and their gradient in float32 on the kernels. Beside Z
// and dZ it keeps one tile and a few numbers per row, whatever M is; results
// are the same bits for every number of threads. It is not safe for concurrent
// use.
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

	// What Backward needs to recompute q: the log-sum-exp of each row over A(i),
	// and over P(i) for Eq. 3; +Inf marks a row that is no counted anchor.
	lse, lsePositive []float64
	rows             []rowSum  // running sums of the rows; largest is reused by Backward
	leastLSE         float64   // the smallest lse of a counted anchor
	column           []float32 // exp(leastLSE − lse_j): the part of q_ji that does not depend on i

	tile, scratch    []float32 // scratch: one row of the tile for each stripe
	r0, r1, c0, c1   int       // the tile's place in S
	reduce, gradient func(stripe int)
}

// New returns a Loss that works on the engine's threads. A wrong configuration
// is an error of kind fault.Usage.
func New(e *kernel.Engine, cfg Config) (*Loss, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	l := &Loss{cfg: cfg, engine: e}
	l.reduce, l.gradient = l.reduceStripe, l.gradientStripe
	return l, nil
}

// Forward returns the loss of a batch. z is Z, (M,D) row-major with
// M = len(groups), and has to stay unchanged until Backward; groups[i] is the
// group of row i (see Groups); rows lo..hi are the anchors, and each is
// contrasted with all M rows. The error is ErrNoPositives when no anchor has a
// positive.
func (l *Loss) Forward(z []float32, groups []int, d, lo, hi int) (Value, error) {
	l.counted = 0
	if err := checkBatch(len(z), len(groups), d, lo, hi); err != nil {
		return Value{}, err
	}
	l.z, l.m, l.d, l.lo, l.hi = z, len(groups), d, lo, hi
	l.prepare(groups)
	for l.r0 = lo; l.r0 < hi; l.r0 = l.r1 {
		l.r1 = min(l.r0+tileRows, hi)
		for l.c0 = 0; l.c0 < l.m; l.c0 = l.c1 {
			l.c1 = min(l.c0+tileColumns, l.m)
			l.similarities()
			l.engine.Parallel(l.stripes(), l.reduce)
		}
		l.finishRows()
	}
	l.finishColumns()
	return l.value()
}

// Backward writes ∂Loss/∂Z of the last Forward to dz, (M,D):
//
//	dZ = (G + Gᵀ)·Z/τ,
//
// with G as in Naive. Since S is symmetric, both G_ij and G_ji of a tile follow
// from the one product s_ij and the saved log-sum-exps of rows i and j; so a
// tile takes two matrix products, S = Z·Zᵀ again and (G + Gᵀ)·Z.
func (l *Loss) Backward(dz []float32) error {
	if l.counted == 0 {
		return ErrNoPositives
	}
	if err := checkBatch(len(dz), l.m, l.d, l.lo, l.hi); err != nil {
		return err
	}
	for l.r0 = 0; l.r0 < l.m; l.r0 = l.r1 {
		from, to := l.lo, l.hi // a row that is no anchor is contrast to the anchors only
		l.r1 = min(l.r0+tileRows, l.m)
		switch {
		case l.r0 < l.lo:
			l.r1 = min(l.r1, l.lo)
		case l.r0 < l.hi:
			l.r1 = min(l.r1, l.hi)
			from, to = 0, l.m
		}
		for l.c0 = from; l.c0 < to; l.c0 = l.c1 {
			l.c1 = min(l.c0+tileColumns, to)
			l.similarities()
			l.engine.Parallel(l.stripes(), l.gradient)
			l.engine.Gemm(
				kernel.GemmShape{M: l.r1 - l.r0, N: l.d, K: l.c1 - l.c0, Accumulate: l.c0 > from},
				dz[l.r0*l.d:l.r1*l.d], l.tile[:(l.r1-l.r0)*(l.c1-l.c0)], l.z[l.c0*l.d:l.c1*l.d])
		}
	}
	c := float32(l.cfg.factor() / float64(l.counted) / l.cfg.Temperature)
	for i := range dz {
		dz[i] *= c
	}
	return nil
}

func (l *Loss) prepare(groups []int) {
	l.grouping.set(groups)
	l.sums = resize(l.sums, 3*l.d)
	l.perAnchor = resize(l.perAnchor, l.hi-l.lo)
	l.lse, l.lsePositive = resize(l.lse, l.m), resize(l.lsePositive, l.m)
	for i := range l.lse {
		l.lse[i], l.lsePositive[i] = math.Inf(1), math.Inf(1)
	}
	l.rows = resize(l.rows, l.m)
	for i := range l.rows {
		l.rows[i].reset()
	}
	l.column = resize(l.column, l.m)
	l.tile = resize(l.tile, min(tileRows, l.m)*min(tileColumns, l.m))
	l.scratch = resize(l.scratch, tileRows/stripeRows*tileColumns)
}

// stripes is the number of tasks of a parallel loop over the tile's rows.
func (l *Loss) stripes() int { return (l.r1 - l.r0 + stripeRows - 1) / stripeRows }

// similarities fills the tile with ⟨z_i, z_j⟩, i in r0..r1, j in c0..c1.
func (l *Loss) similarities() {
	rows, columns := l.r1-l.r0, l.c1-l.c0
	l.engine.Gemm(kernel.GemmShape{M: rows, N: columns, K: l.d, TransB: true},
		l.tile[:rows*columns], l.z[l.r0*l.d:l.r1*l.d], l.z[l.c0*l.d:l.c1*l.d])
}

// row returns row i's part of the tile with −∞ on the diagonal, which takes
// row i out of A(i).
func (l *Loss) row(i int) []float32 {
	columns := l.c1 - l.c0
	row := l.tile[(i-l.r0)*columns : (i-l.r0+1)*columns]
	if i >= l.c0 && i < l.c1 {
		row[i-l.c0] = float32(math.Inf(-1))
	}
	return row
}

// finishRows turns the running sums of the tile's rows into ℓ_i and what
// Backward needs.
func (l *Loss) finishRows() {
	for i := l.r0; i < l.r1; i++ {
		l.perAnchor[i-l.lo] = 0
		positives := l.grouping.positives(i)
		if positives == 0 {
			continue
		}
		l.counted++
		r := &l.rows[i]
		l.lse[i] = r.all.value(l.cfg.Temperature)
		if l.cfg.Variant == SupConIn {
			l.lsePositive[i] = r.positive.value(l.cfg.Temperature)
			l.perAnchor[i-l.lo] = l.lse[i] - l.lsePositive[i] + math.Log(float64(positives))
		} else {
			l.perAnchor[i-l.lo] = l.lse[i] - r.sumPositive/float64(positives)/l.cfg.Temperature
		}
	}
}

// finishColumns prepares exp(−lse_j), scaled to at most 1; it is 0 for rows
// that are no counted anchor.
func (l *Loss) finishColumns() {
	l.leastLSE = math.Inf(1)
	for _, x := range l.lse {
		l.leastLSE = min(l.leastLSE, x)
	}
	for j, x := range l.lse {
		l.column[j] = float32(math.Exp(l.leastLSE - x))
	}
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
