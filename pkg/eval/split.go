package eval

import (
	"cmp"
	"math"
	"slices"

	"supcon/pkg/random"
)

// stratify orders the rows so that those to fit come first and share of every
// class, drawn by the seed, comes last; both parts keep the rows' order. Every
// class keeps a row to fit.
func stratify(labels []int, classes int, share float64, seed uint64) (order []int, fitRows int) {
	byClass := make([][]int, classes)
	for i, y := range labels {
		byClass[y] = append(byClass[y], i)
	}
	held := make([]bool, len(labels))
	fitRows = len(labels)
	for class, rows := range byClass {
		count := min(int(math.Round(share*float64(len(rows)))), len(rows)-1)
		if count < 1 {
			continue
		}
		random.New(seed, random.Probe, uint64(class)).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		for _, row := range rows[:count] {
			held[row] = true
		}
		fitRows -= count
	}
	order = make([]int, len(labels))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(btoi(held[a]), btoi(held[b])) })
	return order, fitRows
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func distinct(labels []int) int {
	seen := map[int]bool{}
	for _, y := range labels {
		seen[y] = true
	}
	return len(seen)
}
