package loss

import (
	"math"

	"supcon/pkg/kernel"
)

// The wide form, for temperatures so low or rows so long that exp(s_ij) leaves
// the range of float32: each row has a maximum of its own subtracted first. A
// pair of blocks is then taken in both orders, since exponentials that suit the
// anchors of the one do not suit those of the other.

// widePair adds blocks (i,j) and (j,i) to the sums of their anchors or, with
// gradient, to dZ.
func (l *Loss) widePair(t kernel.Thread, i, j int, gradient bool) {
	if i == j && gradient {
		clear(l.zOf(l.dz, i))
	}
	if l.anchors(i) {
		l.wideTile(t, i, j, gradient)
	}
	if i != j && l.anchors(j) {
		l.wideTile(t, j, i, gradient)
	}
}

// wideTile takes the pairs of anchors in block i with rows in block j.
func (l *Loss) wideTile(t kernel.Thread, i, j int, gradient bool) {
	scratch := t.Scratch(l.scratch())
	x, shares := scratch, scratch[l.size*l.ld():]
	l.similarities(t, x, i, j)
	i0, i1 := l.blocks.rows(i)
	j0, j1 := l.blocks.rows(j)
	for anchor := i0; anchor < i1; anchor++ {
		row := x[(anchor-i0)*l.ld():][:j1-j0]
		if anchor < l.lo || anchor >= l.hi || l.grouping.positives(anchor) == 0 {
			clear(row)
			continue
		}
		if i == j { // −∞ takes row i out of A(i)
			row[anchor-j0] = float32(math.Inf(-1))
		}
		if gradient {
			l.gradientRow(row, anchor, j0, shares)
		} else {
			l.sumRow(row, anchor, j0)
		}
	}
	if gradient {
		l.addRows(t, x, i, j, false)
		l.addColumns(t, x, i, j)
	}
}

// sumRow adds columns from j0 on to the sums of an anchor.
func (l *Loss) sumRow(row []float32, anchor, j0 int) {
	tau, r := l.cfg.Temperature, &l.rows[anchor]
	for _, p := range between(l.grouping.rows(anchor), j0, j0+len(row)) {
		x := float64(row[int(p)-j0])
		switch {
		case int(p) == anchor:
		case l.cfg.Variant == SupConIn:
			r.positive.raise(x, tau)
			r.positive.sum += math.Exp((x - r.positive.largest) / tau)
		default:
			r.sumPositive += x
		}
	}
	r.all.raise(float64(l.engine.MaxRow(row)), tau)
	if !math.IsInf(r.all.largest, -1) { // else the diagonal alone so far
		r.all.sum += float64(l.engine.ExpSumRow(row, row, float32(1/tau), float32(r.all.largest)))
	}
}

// gradientRow turns the similarities of an anchor with the columns from j0 on
// into G_ij/τ. shares is room for a number per positive.
func (l *Loss) gradientRow(row []float32, anchor, j0 int, shares []float32) {
	tau, r := l.cfg.Temperature, &l.rows[anchor]
	positives := between(l.grouping.rows(anchor), j0, j0+len(row))
	for k, p := range positives {
		switch {
		case int(p) == anchor:
			shares[k] = 0
		case l.cfg.Variant == SupConIn:
			shares[k] = float32(l.coefficient * math.Exp(float64(row[int(p)-j0])/tau-l.lsePositive[anchor]))
		default:
			shares[k] = l.positive[anchor]
		}
	}
	l.engine.ExpSumRow(row, row, float32(1/tau), float32(r.all.largest))
	l.engine.ScaleRow(row, float32(l.coefficient*math.Exp(r.all.largest/tau-l.lse[anchor])))
	for k, p := range positives {
		row[int(p)-j0] -= shares[k]
	}
}
