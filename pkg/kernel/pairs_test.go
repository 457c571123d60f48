package kernel

import (
	"fmt"
	"math"
	"testing"
)

// onThread runs a task with a thread of the engine.
func onThread(e *Engine, scratch int, task func(t Thread)) {
	e.NewLoop(func(t Thread, _ int) { task(t) }).Run(1, scratch)
}

// pairCase is a block between guard cells with room between its rows, and what is expected of it.
type pairCase struct {
	m     *maker
	b     PairBlock
	scale float64
	gap   float32 // what stands between the rows
}

func newPairCase(rows, cols int, scale float64) *pairCase {
	m := newMaker(uint64(1000*rows + cols))
	c := &pairCase{m: m, scale: scale, gap: 77}
	ld := cols + 3
	c.b = PairBlock{
		X: m.random((rows-1)*ld + cols), Rows: rows, Cols: cols, Ld: ld,
		RowGroup: make([]int32, rows), ColGroup: make([]int32, cols),
		Row0: m.random(rows), Row1: m.random(rows), Col0: m.random(cols), Col1: m.random(cols),
	}
	c.b.SetScale(scale)
	for i := range c.b.X {
		if i%ld >= cols {
			c.b.X[i] = c.gap
		}
	}
	for i := range c.b.RowGroup {
		c.b.RowGroup[i] = int32(m.rng.IntN(3)) // group 0 is also what a cut-off load leaves in a register
	}
	for i := range c.b.ColGroup {
		c.b.ColGroup[i] = int32(m.rng.IntN(3))
	}
	return c
}

// each visits the pairs with e = exp(scale·x) and whether they are positives.
func (c *pairCase) each(visit func(r, col int, x, e float64, same bool)) {
	for r := range c.b.Rows {
		for col, x := range c.b.row(r) {
			visit(r, col, float64(x), math.Exp(c.scale*float64(x)), c.b.RowGroup[r] == c.b.ColGroup[col])
		}
	}
}

func (c *pairCase) check(t *testing.T) {
	t.Helper()
	c.m.check(t)
	for i, x := range c.b.X {
		if i%c.b.Ld >= c.b.Cols && x != c.gap {
			t.Fatalf("float %d between the rows overwritten with %g", i, x)
		}
	}
}

func eachPairCase(t *testing.T, test func(t *testing.T, e *Engine, c *pairCase, mean MeanPlace)) {
	eachBranch(t, Options{Threads: 1}, func(t *testing.T, e *Engine) {
		for _, rows := range []int{1, 2, 7} {
			for _, cols := range []int{1, 3, 7, 8, 15, 16, 17, 33, 64, 79, 200} {
				for _, mean := range []MeanPlace{MeanOutside, MeanInside} {
					t.Run(fmt.Sprintf("%dx%d/%d", rows, cols, mean), func(t *testing.T) {
						test(t, e, newPairCase(rows, cols, 3.7), mean)
					})
				}
			}
		}
	})
}

func TestPairSums(t *testing.T) {
	eachPairCase(t, func(t *testing.T, e *Engine, c *pairCase, mean MeanPlace) {
		row0, row1, col0, col1 := make([]float64, c.b.Rows), make([]float64, c.b.Rows), wide(c.b.Col0), wide(c.b.Col1)
		c.each(func(r, col int, x, e float64, same bool) {
			row0[r] += e
			col0[col] += e
			if mean == MeanInside {
				x = e
			}
			if same {
				row1[r] += x
				col1[col] += x
			}
		})
		onThread(e, 0, func(t Thread) { t.PairSums(&c.b, mean) })
		near(t, "sums of rows", c.b.Row0, row0, 1e-6)
		nearTypical(t, "positives of rows", c.b.Row1, row1, 1e-6, c.b.Cols)
		near(t, "sums of columns", c.b.Col0, col0, 1e-6)
		nearTypical(t, "positives of columns", c.b.Col1, col1, 1e-6, c.b.Rows)
		c.check(t)
	})
}

func TestPairGradient(t *testing.T) {
	eachPairCase(t, func(t *testing.T, e *Engine, c *pairCase, mean MeanPlace) {
		want := make([]float64, len(c.b.X))
		for i := range want {
			want[i] = float64(c.gap)
		}
		c.each(func(r, col int, _, e float64, same bool) {
			all, less := float64(c.b.Row0[r]+c.b.Col0[col]), 0.0
			if same {
				less = float64(c.b.Row1[r] + c.b.Col1[col])
			}
			if mean == MeanInside {
				less *= e
			}
			want[r*c.b.Ld+col] = e*all - less
		})
		onThread(e, 0, func(t Thread) { t.PairGradient(&c.b, mean) })
		near(t, "gradient", c.b.X, want, 1e-6)
		c.check(t)
	})
}

func TestPairSumsOfNoColumns(t *testing.T) {
	eachBranch(t, Options{Threads: 1}, func(t *testing.T, e *Engine) {
		b := PairBlock{Rows: 2, RowGroup: make([]int32, 2), Row0: []float32{5, 5}, Row1: []float32{5, 5}}
		onThread(e, 0, func(t Thread) {
			t.PairSums(&b, MeanOutside)
			t.PairGradient(&PairBlock{}, MeanOutside)
		})
		sameBits(t, "sums", append(b.Row0, b.Row1...), make([]float32, 4))
	})
}

// The whole range that SetScale allows, exponent by exponent.
func TestPairExponential(t *testing.T) {
	eachBranch(t, Options{Threads: 1}, func(t *testing.T, e *Engine) {
		const n, scale = 3000, 1 / 0.07
		b := PairBlock{Rows: 1, Cols: n, X: make([]float32, n), RowGroup: []int32{1}, ColGroup: make([]int32, n)}
		b.Row0, b.Row1, b.Col0, b.Col1 = []float32{1}, []float32{0}, make([]float32, n), make([]float32, n)
		for i := range b.X {
			b.X[i] = float32((174*float64(i)/(n-1) - 87) / scale)
		}
		b.X[n/2] = 0
		x := append([]float32(nil), b.X...)
		b.SetScale(scale)
		onThread(e, 0, func(t Thread) { t.PairGradient(&b, MeanOutside) })
		for i, got := range b.X {
			want := math.Exp(scale * float64(x[i]))
			if d := math.Abs(float64(got)-want) / want; !(d <= 2e-7) {
				t.Fatalf("exp(%g) is %g, want %g: relative error %.2g", scale*x[i], got, want, d)
			}
		}
		if b.X[n/2] != 1 {
			t.Errorf("exp(0) = %g", b.X[n/2])
		}
	})
}
