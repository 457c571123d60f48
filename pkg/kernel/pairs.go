package kernel

import "math"

// PairBlock is a block of the matrix of all pairs of rows of Z, as the contrastive losses need it:
// x_rc = ⟨z_r, z_c⟩ for Rows rows by Cols columns, rows Ld floats apart. A row or column belongs to a
// group; a pair of one group is a positive. The vectors with Row in their names are as long as Rows,
// those with Col as Cols.
// The assembly reads this struct by field offset: see TestPairBlockLayout.
type PairBlock struct {
	X                  []float32
	RowGroup, ColGroup []int32
	Row0, Row1         []float32
	Col0, Col1         []float32
	Rows, Cols, Ld     int
	high, low          float32 // of scale·log₂e
}

// SetScale sets the scale of the exponentials, 1/τ. Every |scale·x| has to be at most 87, where exp
// neither overflows nor underflows; its relative error is then below 2e-7 beside that of x itself.
func (b *PairBlock) SetScale(scale float64) {
	b.high = float32(scale * math.Log2E)
	b.low = float32(scale*math.Log2E - float64(b.high))
}

// MeanPlace says where a loss has its mean over the positives: outside the logarithm or inside.
type MeanPlace int

// The places.
const (
	MeanOutside MeanPlace = iota
	MeanInside
)

// pairForms are the passes over a block by the place of the mean.
type pairForms struct{ sums, gradient [2]func(b *PairBlock) }

// PairSums computes, with e = exp(scale·x) and over the positives alone p = x (mean outside the
// logarithm) or p = e (inside),
//
//	Row0[r] = Σ_c e_rc, Row1[r] = Σ_c p_rc, Col0[c] += Σ_r e_rc, Col1[c] += Σ_r p_rc.
func (t Thread) PairSums(b *PairBlock, mean MeanPlace) { t.pairs(&t.k.pairs.sums, b, mean) }

// PairGradient replaces X, with e = exp(scale·x) and same_rc = 1 for positives, else 0, by
//
//	e_rc·(Row0[r] + Col0[c]) − same_rc·(Row1[r] + Col1[c])         mean outside
//	e_rc·(Row0[r] + Col0[c] − same_rc·(Row1[r] + Col1[c]))         mean inside
func (t Thread) PairGradient(b *PairBlock, mean MeanPlace) { t.pairs(&t.k.pairs.gradient, b, mean) }

func (t Thread) pairs(forms *[2]func(b *PairBlock), b *PairBlock, mean MeanPlace) {
	if b.Rows == 0 {
		return
	}
	t.w.pairs = *b // the thread's own copy, so that the caller's need not be in the heap
	p := &t.w.pairs
	p.X = p.X[:(p.Rows-1)*p.Ld+p.Cols]
	p.RowGroup, p.Row0, p.Row1 = p.RowGroup[:p.Rows], p.Row0[:p.Rows], p.Row1[:p.Rows]
	p.ColGroup, p.Col0, p.Col1 = p.ColGroup[:p.Cols], p.Col0[:p.Cols], p.Col1[:p.Cols]
	forms[mean](p)
}
