package kernel

import "math"

var pairsGo = pairForms{
	sums:     [2]func(*PairBlock){func(b *PairBlock) { b.sums(false) }, func(b *PairBlock) { b.sums(true) }},
	gradient: [2]func(*PairBlock){func(b *PairBlock) { b.gradient(false) }, func(b *PairBlock) { b.gradient(true) }},
}

func (b *PairBlock) row(r int) []float32 { return b.X[r*b.Ld:][:b.Cols] }

// exp is exp(scale·x).
func (b *PairBlock) exp(x float32) float32 {
	return float32(math.Exp2(float64(x) * (float64(b.high) + float64(b.low))))
}

func (b *PairBlock) sums(inside bool) {
	for r := range b.Rows {
		var all, positive float32
		for c, x := range b.row(r) {
			e := b.exp(x)
			all += e
			b.Col0[c] += e
			if b.ColGroup[c] != b.RowGroup[r] {
				continue
			}
			if inside {
				x = e
			}
			positive += x
			b.Col1[c] += x
		}
		b.Row0[r], b.Row1[r] = all, positive
	}
}

func (b *PairBlock) gradient(inside bool) {
	for r := range b.Rows {
		row := b.row(r)
		for c, x := range row {
			e, less := b.exp(x), float32(0)
			if b.ColGroup[c] == b.RowGroup[r] {
				less = b.Row1[r] + b.Col1[c]
			}
			if inside {
				row[c] = e * (b.Row0[r] + b.Col0[c] - less)
			} else {
				row[c] = e*(b.Row0[r]+b.Col0[c]) - less
			}
		}
	}
}
