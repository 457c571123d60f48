package loss

import (
	"fmt"
	"math"
)

// grouping lists the rows of each group in ascending order.
type grouping struct {
	dense   map[int]int32 // group → 0, 1, 2… in order of appearance
	of      []int32       // row → dense group
	first   []int32       // dense group → its first place in members; one more at the end
	members []int32       // rows, group by group
}

func (g *grouping) set(groups []int) {
	if g.dense == nil {
		g.dense = make(map[int]int32)
	}
	clear(g.dense)
	g.of = resize(g.of, len(groups))
	g.members = resize(g.members, len(groups))
	for row, group := range groups {
		id, seen := g.dense[group]
		if !seen {
			id = int32(len(g.dense))
			g.dense[group] = id
		}
		g.of[row] = id
	}
	n := len(g.dense)
	g.first = resize(g.first, n+1)
	clear(g.first)
	for _, id := range g.of {
		g.first[id]++
	}
	end := int32(0)
	for id := range n {
		end += g.first[id]
		g.first[id] = end
	}
	g.first[n] = end
	for row := len(groups) - 1; row >= 0; row-- { // filled from the back, so that each group ends up ascending
		id := g.of[row]
		g.first[id]--
		g.members[g.first[id]] = int32(row)
	}
}

// rows returns the group of a row, the row itself included, ascending.
func (g *grouping) rows(row int) []int32 {
	id := g.of[row]
	return g.members[g.first[id]:g.first[id+1]]
}

// positives is |P(i)|.
func (g *grouping) positives(row int) int { return len(g.rows(row)) - 1 }

// between returns the part of ascending rows that lies in [from, to).
func between(rows []int32, from, to int) []int32 {
	a, b := 0, len(rows)
	for a < b { // the first row not before from
		if m := (a + b) / 2; int(rows[m]) < from {
			a = m + 1
		} else {
			b = m
		}
	}
	end := a
	for end < len(rows) && int(rows[end]) < to {
		end++
	}
	return rows[a:end]
}

// resize returns s with length n, reusing its memory where it is large enough.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// checkBatch checks the sizes of Z (M,D) and of the anchor range lo..hi.
func checkBatch(lenZ, m, d, lo, hi int) error {
	if d <= 0 || m < 2 || lenZ != m*d {
		return fmt.Errorf("loss: Z has %d values for %d rows of width %d; a batch needs at least two rows", lenZ, m, d)
	}
	if lo < 0 || hi > m || lo >= hi {
		return fmt.Errorf("loss: the anchors %d..%d are no range of the %d rows", lo, hi, m)
	}
	return nil
}

// statistics fills in what does not need the pairs one by one: with
// t_g = Σ_{i in g} z_i, Σ_{i≠j in g} ⟨z_i,z_j⟩ = ‖t_g‖² − Σ ‖z_i‖².
func (g *grouping) statistics(v *Value, z []float32, d int, sums []float64) {
	m := len(g.of)
	total, square, group := sums[:d], sums[d:2*d], sums[2*d:3*d]
	clear(total)
	clear(square)
	var norms, same float64
	var samePairs float64
	for id := range len(g.first) - 1 {
		clear(group)
		rows := g.members[g.first[id]:g.first[id+1]]
		for _, row := range rows {
			for k, x := range z[int(row)*d : int(row+1)*d] {
				group[k] += float64(x)
				square[k] += float64(x) * float64(x)
			}
		}
		for k, x := range group {
			same += x * x
			total[k] += x
		}
		samePairs += float64(len(rows)) * float64(len(rows)-1)
	}
	var all, spread float64
	for k := range d {
		norms += square[k]
		all += total[k] * total[k]
		mean := total[k] / float64(m)
		spread += math.Sqrt(max(0, square[k]/float64(m)-mean*mean))
	}
	v.Spread = spread / math.Sqrt(float64(d))
	if samePairs > 0 {
		v.PositiveSimilarity = (same - norms) / samePairs
	}
	if otherPairs := float64(m)*float64(m-1) - samePairs; otherPairs > 0 {
		v.NegativeSimilarity = (all - same) / otherPairs
	}
}
