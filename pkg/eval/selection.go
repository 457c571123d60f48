package eval

import (
	"cmp"
	"slices"
)

// selection keeps the cap nearest of the neighbours offered to it, as a heap
// whose root is the farthest kept. It never grows beyond its capacity.
type selection []Neighbour

// farther orders by similarity, of equal ones by index: a total order, so that
// the neighbours kept do not depend on how the bank was cut into blocks.
func farther(a, b Neighbour) bool {
	return a.Similarity < b.Similarity || a.Similarity == b.Similarity && a.Index > b.Index
}

// offer takes the similarities of the rows from first on.
func (s selection) offer(first int, similarity []float32) selection {
	i := 0
	for ; i < len(similarity) && len(s) < cap(s); i++ {
		s = append(s, Neighbour{first + i, similarity[i]})
		s.up(len(s) - 1)
	}
	if len(s) == 0 {
		return s
	}
	limit := s[0].Similarity
	for ; i < len(similarity); i++ {
		if similarity[i] > limit { // an equal one has a higher index than all kept
			s[0] = Neighbour{first + i, similarity[i]}
			s.down()
			limit = s[0].Similarity
		}
	}
	return s
}

func (s selection) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !farther(s[i], s[parent]) {
			return
		}
		s[i], s[parent] = s[parent], s[i]
		i = parent
	}
}

func (s selection) down() {
	i := 0
	for {
		child := 2*i + 1
		if child >= len(s) {
			return
		}
		if child+1 < len(s) && farther(s[child+1], s[child]) {
			child++
		}
		if !farther(s[child], s[i]) {
			return
		}
		s[i], s[child] = s[child], s[i]
		i = child
	}
}

// sort puts the nearest first.
func (s selection) sort() {
	slices.SortFunc(s, func(a, b Neighbour) int {
		return cmp.Or(cmp.Compare(b.Similarity, a.Similarity), cmp.Compare(a.Index, b.Index))
	})
}
