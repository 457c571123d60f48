package optim

import (
	"math"
	"strings"
	"testing"

	"supcon/pkg/fault"

	"pgregory.net/rapid"
)

func TestCosineFallsFromTheTopToZero(t *testing.T) {
	s := Schedule{Name: "cosine", LR: 0.05, Steps: 100}
	for step, want := range map[int]float64{0: 0.05, 25: 0.05 * (1 + math.Sqrt2/2) / 2, 50: 0.025, 100: 0, 250: 0} {
		if got := s.At(step); math.Abs(got-want) > 1e-12 {
			t.Errorf("At(%d) = %v, want %v", step, got, want)
		}
	}
}

func TestWarmupClimbsAndMeetsTheCurve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Schedule{
			Name:   rapid.SampledFrom(Schedules()).Draw(t, "name"),
			LR:     rapid.Float64Range(1e-4, 10).Draw(t, "lr"),
			Steps:  rapid.IntRange(2, 500).Draw(t, "steps"),
			Warmup: 0,
		}
		s.Warmup = rapid.IntRange(1, s.Steps-1).Draw(t, "warmup")
		for step := range s.Steps - 1 {
			now, next := s.At(step), s.At(step+1)
			if climbing := step+1 < s.Warmup; climbing && next <= now || !climbing && step >= s.Warmup && next > now {
				t.Fatalf("%+v: At(%d) = %v, At(%d) = %v", s, step, now, step+1, next)
			}
		}
		if top := s.At(s.Warmup - 1); math.Abs(top-s.LR) > 1e-12 || math.Abs(s.At(s.Warmup)-s.LR) > 1e-12 {
			t.Fatalf("%+v: the warm-up ends at %v", s, top)
		}
	})
}

func TestScheduleCheck(t *testing.T) {
	for name, s := range map[string]Schedule{
		"unknown":          {Name: "cosin", LR: 1, Steps: 1},
		"negative rate":    {Name: "cosine", LR: -1, Steps: 1},
		"rate not finite":  {Name: "cosine", LR: math.NaN(), Steps: 1},
		"warm-up too long": {Name: "constant", LR: 1, Steps: 1, Warmup: 2},
	} {
		if err := s.Check(); err == nil || fault.Of(err) != fault.Usage {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if err := (Schedule{Name: "cosin"}).Check(); !strings.Contains(err.Error(), `did you mean "cosine"`) {
		t.Errorf("error without a hint: %v", err)
	}
	if err := (Schedule{Name: "cosine", LR: 1, Steps: 10, Warmup: 10}).Check(); err != nil {
		t.Errorf("a run that is all warm-up: %v", err)
	}
}
