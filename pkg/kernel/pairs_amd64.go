//go:build !purego

package kernel

var pairs512 = pairForms{
	sums:     [2]func(*PairBlock){summedPairs(pairSumsOutside512), summedPairs(pairSumsInside512)},
	gradient: [2]func(*PairBlock){gradedPairs(pairGradientOutside512), gradedPairs(pairGradientInside512)},
}

var pairs2 = pairForms{
	sums:     [2]func(*PairBlock){summedPairs(pairSumsOutside2), summedPairs(pairSumsInside2)},
	gradient: [2]func(*PairBlock){gradedPairs(pairGradientOutside2), gradedPairs(pairGradientInside2)},
}

// summedPairs and gradedPairs tell the race detector what a pass reads and writes; groups are read
// alone, by all threads.
func summedPairs(f func(b *PairBlock)) func(b *PairBlock) {
	return func(b *PairBlock) {
		if raceEnabled {
			b.declare(raceRead, raceWrite)
		}
		f(b)
	}
}

func gradedPairs(f func(b *PairBlock)) func(b *PairBlock) {
	return func(b *PairBlock) {
		if raceEnabled {
			b.declare(raceWrite, raceRead)
		}
		f(b)
	}
}

func (b *PairBlock) declare(block, vectors func([]float32)) {
	for r := range b.Rows {
		block(b.row(r))
	}
	for _, v := range [][]float32{b.Row0, b.Row1, b.Col0, b.Col1} {
		vectors(v)
	}
}
