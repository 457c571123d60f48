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

// drawn is any schedule that passes its check.
func drawn(t *rapid.T) Schedule {
	s := Schedule{
		Name:       rapid.SampledFrom(Schedules()).Draw(t, "name"),
		LR:         rapid.Float64Range(1e-4, 10).Draw(t, "lr"),
		Steps:      rapid.IntRange(2, 500).Draw(t, "steps"),
		PerEpoch:   rapid.IntRange(1, 50).Draw(t, "per epoch"),
		DecayRate:  rapid.Float64Range(0.01, 1).Draw(t, "decay rate"),
		WarmupFrom: rapid.Float64Range(0, 1e-4).Draw(t, "warm-up from"),
	}
	s.Warmup = rapid.IntRange(0, s.Steps-1).Draw(t, "warmup")
	s.Restarts = rapid.IntRange(0, s.Steps-s.Warmup-1).Draw(t, "restarts")
	for e := range rapid.IntRange(0, 3).Draw(t, "falls") {
		s.DecayEpochs = append(s.DecayEpochs, 2*e+1)
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRatesStayBetweenZeroAndTheTop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		for step := range s.Steps + 10 {
			if lr := s.At(step); !(lr >= 0 && lr <= s.LR*(1+1e-12)) {
				t.Fatalf("%+v: At(%d) = %v", s, step, lr)
			}
		}
	})
}

// The rate climbs through the warm-up to the curve, which falls but where it begins again.
func TestWarmupClimbsAndMeetsTheCurve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		rises := 0
		for step := s.Warmup; step < s.Steps-1; step++ {
			if s.At(step+1) > s.At(step)+1e-12 {
				rises++
			}
		}
		if s.Name != "cosine" && s.Name != "linear" {
			s.Restarts = 0
		}
		if rises > s.Restarts {
			t.Fatalf("%+v: the curve rises %d times", s, rises)
		}
		if s.byEpoch() {
			return // the golden file has their warm-up
		}
		for step := range s.Warmup {
			if want := s.LR * float64(step+1) / float64(s.Warmup); math.Abs(s.At(step)-want) > 1e-12 {
				t.Fatalf("%+v: At(%d) = %v, want %v", s, step, s.At(step), want)
			}
		}
		if top := s.At(s.Warmup); math.Abs(top-s.LR) > 1e-12 {
			t.Fatalf("%+v: the curve begins at %v", s, top)
		}
	})
}

// R restarts are R+1 equal runs one after the other.
func TestRestartsRepeatTheCurve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cycle, warmup := rapid.IntRange(2, 50).Draw(t, "cycle"), rapid.IntRange(0, 20).Draw(t, "warmup")
		restarts := rapid.IntRange(0, 5).Draw(t, "restarts")
		name := rapid.SampledFrom([]string{"cosine", "linear"}).Draw(t, "name")
		whole := Schedule{Name: name, LR: 0.5, Steps: warmup + cycle*(restarts+1), Warmup: warmup, Restarts: restarts}
		one := Schedule{Name: name, LR: 0.5, Steps: cycle}
		for step := range whole.Steps - warmup {
			if got, want := whole.At(warmup+step), one.At(step%cycle); math.Abs(got-want) > 1e-12 {
				t.Fatalf("%+v: At(%d) = %v, want %v", whole, warmup+step, got, want)
			}
		}
		if end := whole.At(whole.Steps); end != 0 {
			t.Fatalf("%+v ends at %v", whole, end)
		}
	})
}

func TestLinearStepAndEpochSchedules(t *testing.T) {
	for _, c := range []struct {
		s    Schedule
		want map[int]float64
	}{
		{Schedule{Name: "linear", LR: 2, Steps: 12, Warmup: 2}, map[int]float64{0: 1, 1: 2, 2: 2, 7: 1, 11: 0.2, 12: 0}},
		{Schedule{Name: "step", LR: 8, Steps: 11, PerEpoch: 2, DecayRate: 0.5, DecayEpochs: []int{1, 3}}, map[int]float64{0: 8, 1: 8, 2: 4, 5: 4, 6: 2, 10: 2, 30: 2}},
		{Schedule{Name: "cosine-epoch", LR: 1, Steps: 7, PerEpoch: 2, DecayRate: 0.1}, map[int]float64{0: 0.001 + 0.999*(1+math.Sqrt2/2)/2, 3: 0.001 + 0.999/2, 6: 0.001, 99: 0.001}},
		{Schedule{Name: "constant", LR: 3, Steps: 7, Warmup: 3}, map[int]float64{0: 1, 2: 3, 3: 3, 7: 3}},
	} {
		for step, want := range c.want {
			if got := c.s.At(step); math.Abs(got-want) > 1e-12 {
				t.Errorf("%+v: At(%d) = %v, want %v", c.s, step, got, want)
			}
		}
	}
}

func TestScheduleCheck(t *testing.T) {
	for name, s := range map[string]Schedule{
		"unknown":          {Name: "cosin", LR: 1, Steps: 1},
		"negative rate":    {Name: "cosine", LR: -1, Steps: 1},
		"rate not finite":  {Name: "cosine", LR: math.NaN(), Steps: 1},
		"warm-up too long": {Name: "constant", LR: 1, Steps: 1, Warmup: 2},
		"restarts":         {Name: "cosine", LR: 1, Steps: 10, Warmup: 5, Restarts: 5},
		"no epoch":         {Name: "step", LR: 1, Steps: 10, DecayRate: 0.1},
		"decay rate":       {Name: "cosine-epoch", LR: 1, Steps: 10, PerEpoch: 1, DecayRate: 1.1},
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
