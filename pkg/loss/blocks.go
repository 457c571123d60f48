package loss

import "supcon/pkg/kernel"

// Rows are taken in blocks, and a task works on the pairs of two of them: the
// largest piece of S or G that a thread ever holds. Larger blocks make longer
// sums, which the matrix kernels like; smaller ones leave more tasks for the
// threads.
const (
	leastRows   = 64
	mostRows    = 448
	wantBlocks  = 32
	rowMultiple = 32 // of whole registers
	rowGap      = 16 // between the rows of a tile, which would else fall on few places of the cache
)

// blocks says how M rows are cut. It depends on M alone, as the order of all
// sums does, so that the bits do not depend on the number of threads.
type blocks struct {
	m, size, count int
	round          int // of the tournament; −1 pairs each block with itself
}

func (b *blocks) set(m int) {
	size := (m/wantBlocks + rowMultiple - 1) / rowMultiple * rowMultiple
	b.m, b.size = m, min(max(size, leastRows), mostRows)
	b.count = (m + b.size - 1) / b.size
}

// rows is the range of block i.
func (b *blocks) rows(i int) (from, to int) { return i * b.size, min(b.m, (i+1)*b.size) }

// ld is how far the rows of a tile lie apart.
func (b *blocks) ld() int { return b.size + rowGap }

// rounds runs every pair of blocks once, as the rounds of a tournament in which
// every block plays every other (the circle method), after one in which each
// meets itself. The pairs of a round have no block in common: so its tasks may
// add to what belongs to their blocks without waiting for each other, and every
// row gets its sums in the order of the rounds.
func (b *blocks) rounds(loop *kernel.Loop, scratch int) {
	b.round = -1
	loop.Run(b.count, scratch)
	seats := b.count + b.count%2
	for b.round = 0; b.round < seats-1 && b.count > 1; b.round++ {
		loop.Run(seats/2, scratch)
	}
}

// pair is the k-th pair of the round, i ≤ j; j is count when i has nobody to
// meet.
func (b *blocks) pair(k int) (i, j int) {
	if b.round < 0 {
		return k, k
	}
	circle := b.count + b.count%2 - 1
	if k == 0 {
		return b.round, circle
	}
	i, j = (b.round+k)%circle, (b.round-k+circle)%circle
	return min(i, j), max(i, j)
}
