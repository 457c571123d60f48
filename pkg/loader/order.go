package loader

import (
	"supcon/pkg/dataset"
	"supcon/pkg/fault"
	"supcon/pkg/random"
)

// place is one row of an epoch: the image's position in the set, and how often
// the image has come in this epoch before.
type place struct{ index, repeat int }

// epochOrder is the order of an epoch: a function of the set's labels, the seed
// and the epoch. Without PerClass it is a permutation of the set.
func epochOrder(set *dataset.Set, o Options, epoch int) []place {
	stream := random.New(o.Seed, random.Shuffle, uint64(epoch))
	if o.PerClass > 0 {
		return balancedOrder(set, o, stream)
	}
	order := make([]place, set.Len())
	for i := range order {
		order[i].index = i
	}
	stream.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
	return order
}

// balancedOrder deals images out in groups of PerClass of one class. Classes
// come in rounds, each round a permutation of all, and so do the images of a
// class; a batch takes a class once. Images without a class are left out.
func balancedOrder(set *dataset.Set, o Options, stream *random.Source) []place {
	byLabel := make([][]int, len(set.Classes))
	for i, item := range set.Items {
		if item.Label >= 0 {
			byLabel[item.Label] = append(byLabel[item.Label], i)
		}
	}
	classes := deck{stream: stream}
	images := make([]deck, len(byLabel))
	for label, indices := range byLabel {
		if len(indices) > 0 {
			classes.cards = append(classes.cards, label)
			images[label] = deck{cards: indices, stream: stream}
		}
	}
	steps := set.Len() / o.Batch
	order := make([]place, 0, steps*o.Batch)
	taken := make([]int, len(byLabel)) // the batch, counted from 1, that has the class
	for step := range steps {
		for range o.Batch / o.PerClass {
			label, _ := classes.draw(func(label int) bool { return taken[label] <= step })
			taken[label] = step + 1
			for range o.PerClass {
				index, round := images[label].draw(nil)
				order = append(order, place{index, round})
			}
		}
	}
	return order
}

// deck deals its cards in random order, again and again.
type deck struct {
	cards  []int
	stream *random.Source
	dealt  int
}

// draw returns the next card that fits and how often all had been dealt before.
// A batch has no more groups than there are classes, so among the cards left of
// a round, where it began in the last one, there is always one that fits.
func (d *deck) draw(fits func(card int) bool) (card, round int) {
	at := d.dealt % len(d.cards)
	if at == 0 {
		d.stream.Shuffle(len(d.cards), func(a, b int) { d.cards[a], d.cards[b] = d.cards[b], d.cards[a] })
	}
	round = d.dealt / len(d.cards)
	d.dealt++
	for i := at; fits != nil && i < len(d.cards); i++ {
		if fits(d.cards[i]) {
			d.cards[at], d.cards[i] = d.cards[i], d.cards[at]
			break
		}
	}
	return d.cards[at], round
}

// checkPerClass reports class-balanced batches that cannot be made.
func checkPerClass(set *dataset.Set, o Options) error {
	if o.PerClass == 0 {
		return nil
	}
	classes := 0
	for _, n := range set.ClassCounts() {
		if n > 0 {
			classes++
		}
	}
	switch {
	case o.PerClass < 0 || o.Batch%o.PerClass != 0:
		return fault.Usage.Errorf("loader: the batch size %d is no multiple of %d images per class", o.Batch, o.PerClass)
	case !set.Labelled():
		return fault.Usage.Errorf("loader: %d images per class need classes, and %s has none", o.PerClass, set.Root)
	case o.Batch/o.PerClass > classes:
		return fault.Usage.Errorf("loader: a batch of %d with %d images per class needs %d classes; the training set has %d", o.Batch, o.PerClass, o.Batch/o.PerClass, classes)
	}
	return nil
}
