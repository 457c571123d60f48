package dataset

import (
	"cmp"
	"math"
	"slices"

	"supcon/pkg/random"
)

// Split holds out a fraction of the images, stratified: every class gives its
// share, rounded so that the total is round(fraction·N) where no class would
// lose its last image for it. Which images are held depends on the seed and the
// class alone. Both parts are sorted by path and keep the class list.
func (s *Set) Split(fraction float64, seed uint64) (train, held *Set) {
	groups := make([][]int, max(1, len(s.Classes)))
	for i, item := range s.Items {
		groups[max(item.Label, 0)] = append(groups[max(item.Label, 0)], i)
	}
	var kept, out []int
	for label, quota := range quotas(groups, fraction) {
		group := groups[label]
		stream := random.New(seed, random.Split, uint64(label))
		stream.Shuffle(len(group), func(a, b int) { group[a], group[b] = group[b], group[a] })
		out = append(out, group[:quota]...)
		kept = append(kept, group[quota:]...)
	}
	slices.Sort(kept)
	slices.Sort(out)
	return s.Select(kept), s.Select(out)
}

// quotas apportions the held-out images to the groups by largest remainder,
// and leaves every group at least one image.
func quotas(groups [][]int, fraction float64) []int {
	total := 0
	quota := make([]int, len(groups))
	remainder := make([]float64, len(groups))
	byRemainder := make([]int, len(groups))
	given := 0
	for i, group := range groups {
		total += len(group)
		share := fraction * float64(len(group))
		quota[i] = max(0, min(int(share), len(group)-1))
		remainder[i] = share - math.Floor(share)
		byRemainder[i] = i
		given += quota[i]
	}
	slices.SortStableFunc(byRemainder, func(a, b int) int { return cmp.Compare(remainder[b], remainder[a]) })
	want := int(math.Round(fraction * float64(total)))
	for _, i := range byRemainder {
		if given < want && quota[i] < len(groups[i])-1 {
			quota[i]++
			given++
		}
	}
	return quota
}
