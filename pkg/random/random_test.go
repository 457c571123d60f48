package random

import "testing"

func TestStreamsDependOnEveryKey(t *testing.T) {
	streams := map[string]*Source{
		"base":    New(1, View, 0, 0, 0),
		"seed":    New(2, View, 0, 0, 0),
		"purpose": New(1, Init, 0, 0, 0),
		"epoch":   New(1, View, 1, 0, 0),
		"index":   New(1, View, 0, 1, 0),
		"view":    New(1, View, 0, 0, 1),
		"shorter": New(1, View, 0, 0),
	}
	seen := map[uint64]string{}
	for name, s := range streams {
		first := s.Uint64()
		if other, ok := seen[first]; ok {
			t.Errorf("streams %s and %s start alike", name, other)
		}
		seen[first] = name
	}
}

func TestResetRepeatsTheStreamWithoutAllocating(t *testing.T) {
	s := New(7, Shuffle, 3)
	want := [3]uint64{s.Uint64(), s.Uint64(), s.Uint64()}
	s.Float64()
	s.Reset(7, Shuffle, 3)
	if got := [3]uint64{s.Uint64(), s.Uint64(), s.Uint64()}; got != want {
		t.Errorf("after Reset %v, want %v", got, want)
	}
	if n := testing.AllocsPerRun(100, func() { s.Reset(7, View, 1, 2, 3) }); n != 0 {
		t.Errorf("Reset allocates %v times", n)
	}
}

// The values a run depends on are pinned: a change here changes every run.
func TestStreamIsPinned(t *testing.T) {
	if got, want := New(1, View, 2, 3, 1).Uint64(), uint64(0xb26da259efc11db); got != want {
		t.Errorf("first draw = %#x, want %#x", got, want)
	}
}
