// Package random turns one seed into every random draw of a run.
//
// A draw is a function of (seed, purpose, keys) and of nothing else — not of
// the number of workers, of the order in which images happen to be decoded, or
// of where a run was resumed — so equal configurations give equal bytes.
package random

import "math/rand/v2"

// Purpose keeps the streams of one seed apart.
type Purpose uint64

// The purposes of a run; the values are part of what a checkpoint reproduces
// and must never be renumbered.
const (
	Init    Purpose = 1 // parameter initialisation; key: index of the parameter
	Shuffle Purpose = 2 // order of an epoch; key: epoch
	View    Purpose = 3 // augmentation; keys: epoch, image index, view
	Split   Purpose = 4 // validation split; key: class
	Synth   Purpose = 5 // the generated sample set; keys: part, class, index
	Bench   Purpose = 6 // synthetic benchmark input
	Probe   Purpose = 7 // held-out part that chooses the probe's L2 strength
)

// Source is a reusable random stream. The zero value must be Reset before use.
type Source struct {
	pcg rand.PCG
	*rand.Rand
}

// New returns the stream of (seed, purpose, keys...).
func New(seed uint64, purpose Purpose, keys ...uint64) *Source {
	s := &Source{}
	s.Reset(seed, purpose, keys...)
	return s
}

// Reset moves s to the start of the stream of (seed, purpose, keys...) without
// allocating, for draws made once per view.
func (s *Source) Reset(seed uint64, purpose Purpose, keys ...uint64) {
	h := mix(seed ^ mix(uint64(purpose)))
	for _, k := range keys {
		h = mix(h ^ mix(k+0x9e3779b97f4a7c15))
	}
	s.pcg.Seed(h, mix(h+0xd1b54a32d192ed03))
	if s.Rand == nil {
		s.Rand = rand.New(&s.pcg)
	}
}

// mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection of
// 64-bit words in which every input bit reaches every output bit.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
