package loader

import "supcon/pkg/random"

// epochOrder fills order with the permutation of an epoch: a function of
// (seed, epoch) and of the number of images.
func epochOrder(order []int, seed uint64, epoch int) {
	for i := range order {
		order[i] = i
	}
	stream := random.New(seed, random.Shuffle, uint64(epoch))
	stream.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
}
