package loss

import (
	"math"

	"supcon/pkg/kernel"
)

// The narrow form, for batches in which every exp(s_ij) is a float32, as with
// unit vectors and τ down to 0.016: then nothing has to be subtracted first, one
// exponential serves anchors i and j alike, and each pair of blocks is taken
// once.

// largestSimilarity bounds |s_ij| by the largest ‖z_i‖².
func (l *Loss) largestSimilarity() float64 {
	var square float64
	for _, x := range l.squares {
		square = max(square, x)
	}
	return square / l.cfg.Temperature
}

// narrowest is how large |s_ij| may be. float32 reaches from e⁻⁸⁷ to e⁸⁸; a sum
// of M exponentials has to fit in, and so has its inverse times c/τ.
func (l *Loss) narrowest() float64 {
	c := l.cfg.factor() / float64(l.m) / l.cfg.Temperature
	return 85 - math.Log(float64(l.m)) - math.Abs(math.Log(c))
}

// tile is a thread's scratch as a block of pairs (i,j), and its sums.
func (l *Loss) tile(t kernel.Thread, i, j int) (b kernel.PairBlock) {
	i0, i1 := l.blocks.rows(i)
	j0, j1 := l.blocks.rows(j)
	s := t.Scratch(l.scratch())
	vectors := s[l.size*l.ld():]
	vector := func(k, n int) []float32 { return vectors[k*l.size:][:n] }
	b = kernel.PairBlock{
		X: s, Rows: i1 - i0, Cols: j1 - j0, Ld: l.ld(),
		RowGroup: l.grouping.of[i0:i1], ColGroup: l.grouping.of[j0:j1],
		Row0: vector(0, i1-i0), Row1: vector(1, i1-i0), Col0: vector(2, j1-j0), Col1: vector(3, j1-j0),
	}
	b.SetScale(1 / l.cfg.Temperature)
	return b
}

func (l *Loss) mean() kernel.MeanPlace {
	if l.cfg.Variant == SupConIn {
		return kernel.MeanInside
	}
	return kernel.MeanOutside
}

// sumPair adds the k-th pair of blocks of the round to the sums of their rows.
func (l *Loss) sumPair(t kernel.Thread, k int) {
	i, j := l.blocks.pair(k)
	if j == l.count || !l.anchors(i) && !l.anchors(j) {
		return
	}
	if l.wide {
		l.widePair(t, i, j, false)
		return
	}
	b := l.tile(t, i, j)
	l.similarities(t, b.X, i, j)
	if i == j {
		l.sumDiagonal(t, &b, i)
		return
	}
	clear(b.Col0)
	clear(b.Col1)
	t.PairSums(&b, l.mean())
	l.addSums(i, 0, b.Row0, b.Row1)
	l.addSums(j, 0, b.Col0, b.Col1)
}

// sumDiagonal takes the columns before and after the diagonal, for row i is not
// in A(i).
func (l *Loss) sumDiagonal(t kernel.Thread, whole *kernel.PairBlock, i int) {
	for r := range whole.Rows {
		for _, side := range [2][2]int{{0, r}, {r + 1, whole.Cols}} {
			b, from, to := *whole, side[0], side[1]
			b.X, b.Rows, b.Cols = b.X[r*b.Ld+from:], 1, to-from
			b.RowGroup, b.ColGroup = b.RowGroup[r:r+1], b.ColGroup[from:to]
			b.Row0, b.Row1, b.Col0, b.Col1 = b.Row0[r:r+1], b.Row1[r:r+1], b.Col0[from:to], b.Col1[from:to]
			t.PairSums(&b, l.mean())
			l.addSums(i, r, b.Row0, b.Row1)
		}
	}
}

// addSums adds to the rows of block i from its row r on.
func (l *Loss) addSums(i, r int, all, positive []float32) {
	from, _ := l.blocks.rows(i)
	rows := l.rows[from+r:][:len(all)]
	for k := range rows {
		rows[k].all.sum += float64(all[k])
		if l.cfg.Variant == SupConIn {
			rows[k].positive.sum += float64(positive[k])
		} else {
			rows[k].sumPositive += float64(positive[k])
		}
	}
}

// gradientPair adds the k-th pair of blocks of the round to the rows of dZ of
// both.
func (l *Loss) gradientPair(t kernel.Thread, k int) {
	i, j := l.blocks.pair(k)
	if j == l.count {
		return
	}
	if !l.anchors(i) && !l.anchors(j) {
		if i == j {
			clear(l.zOf(l.dz, i))
		}
		return
	}
	if l.wide {
		l.widePair(t, i, j, true)
		return
	}
	b := l.tile(t, i, j)
	i0, i1 := l.blocks.rows(i)
	j0, j1 := l.blocks.rows(j)
	b.Row0, b.Row1, b.Col0, b.Col1 = l.all[i0:i1], l.positive[i0:i1], l.all[j0:j1], l.positive[j0:j1]
	l.similarities(t, b.X, i, j)
	t.PairGradient(&b, l.mean())
	if i == j {
		for r := range b.Rows {
			b.X[r*b.Ld+r] = 0
		}
	}
	l.addRows(t, b.X, i, j, i == j)
	if i != j {
		l.addColumns(t, b.X, i, j)
	}
}
