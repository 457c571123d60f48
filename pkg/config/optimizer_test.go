package config

import (
	"math"
	"slices"
	"strings"
	"testing"

	"supcon/pkg/fault"
	"supcon/pkg/optim"
)

// The defaults are those of package optim, and the solver gets every setting.
func TestSolverSettings(t *testing.T) {
	want := optim.Defaults("sgd")
	want.WeightDecay = 1e-4
	if got := Default().Solver(); got != want {
		t.Errorf("default settings %+v, want %+v", got, want)
	}
	r := Default()
	r.Optimizer, r.Momentum, r.Nesterov, r.Beta1, r.Beta2, r.Eps, r.Trust = "lars", 0.8, true, 0.7, 0.6, 0.5, 0.4
	r.WeightDecay, r.DecayAll, r.BiasLR, r.ClipNorm = 0.3, true, 2, 0.1
	want = optim.Config{
		Name: "lars", Momentum: 0.8, Nesterov: true, Beta1: 0.7, Beta2: 0.6, Eps: 0.5, Trust: 0.4,
		WeightDecay: 0.3, DecayAll: true, BiasLR: 2, ClipNorm: 0.1,
	}
	if got := r.Solver(); got != want {
		t.Errorf("settings %+v, want %+v", got, want)
	}
}

func TestBadOptimizerSettingsAreExplained(t *testing.T) {
	for want, change := range map[string]func(*Run){
		`did you mean "lars"?`:              func(r *Run) { r.Optimizer = "lard" },
		`did you mean "linear"?`:            func(r *Run) { r.Schedule = "liner" },
		"momentum is 1;":                    func(r *Run) { r.Momentum = 1 },
		"nesterov needs":                    func(r *Run) { r.Nesterov, r.Momentum = true, 0 },
		"beta2 is 1;":                       func(r *Run) { r.Optimizer, r.Beta2 = "adamw", 1 },
		"eps is 0;":                         func(r *Run) { r.Optimizer, r.Eps = "lars", 0 },
		"trust is NaN;":                     func(r *Run) { r.Optimizer, r.Trust = "lars", math.NaN() },
		"weight_decay is -1;":               func(r *Run) { r.WeightDecay = -1 },
		"bias_lr is -1;":                    func(r *Run) { r.BiasLR = -1 },
		"clip_norm is +Inf;":                func(r *Run) { r.ClipNorm = math.Inf(1) },
		"restarts is -1;":                   func(r *Run) { r.Restarts = -1 },
		"decay_rate is 0;":                  func(r *Run) { r.Schedule, r.DecayRate = "cosine-epoch", 0 },
		"which makes lars plain sgd":        func(r *Run) { r.Optimizer, r.WeightDecay = "lars", 0 },
		"schedule step needs the epochs":    func(r *Run) { r.Schedule = "step" },
		`decay_epochs is "0,3"; it must be`: func(r *Run) { r.Schedule, r.DecayEpochs = "step", "0,3" },
		`decay_epochs is "3,3"; it must be`: func(r *Run) { r.Schedule, r.DecayEpochs = "step", "3,3" },
		`decay_epochs is "3;4"; it must be`: func(r *Run) { r.Schedule, r.DecayEpochs = "step", "3;4" },
		"momentum is a setting of optimizer sgd or lars and does nothing with adamw": func(r *Run) { r.Optimizer, r.Momentum = "adamw", 0.5 },
		"nesterov is a setting of":              func(r *Run) { r.Optimizer, r.Nesterov = "adamw", true },
		"beta1 is a setting of":                 func(r *Run) { r.Beta1 = 0.8 },
		"beta2 is a setting of":                 func(r *Run) { r.Optimizer, r.Beta2 = "lars", 0.8 },
		"eps is a setting of":                   func(r *Run) { r.Eps = 1e-6 },
		"trust is a setting of":                 func(r *Run) { r.Optimizer, r.Trust = "adamw", 0.02 },
		"restarts is a setting of schedule":     func(r *Run) { r.Schedule, r.Restarts = "constant", 1 },
		"decay_epochs is a setting of":          func(r *Run) { r.DecayEpochs = "3" },
		"leave it out, or give --schedule step": func(r *Run) { r.DecayRate = 0.2 },
	} {
		r := Default()
		r.Data = "images"
		change(&r)
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) || fault.Of(err) != fault.Usage {
			t.Errorf("error %v, want a usage error with %q", err, want)
		}
	}
}

func TestLearningRates(t *testing.T) {
	r := Default()
	r.Data, r.Schedule, r.DecayEpochs, r.DecayRate, r.LR = "images", "step", "3, 5", 0.5, 0.4
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	s := r.LearningRates(60, 10, 10)
	if err := s.Check(); err != nil || !slices.Equal(s.DecayEpochs, []int{3, 5}) {
		t.Fatalf("%+v, %v", s, err)
	}
	for step, want := range map[int]float64{0: 0.01, 5: 0.205, 10: 0.4, 30: 0.2, 59: 0.1} {
		if got := s.At(step); math.Abs(got-want) > 1e-12 {
			t.Errorf("At(%d) = %v, want %v", step, got, want)
		}
	}
	r.LR = 0.001 // a warm-up from 0.01 would not be one
	if s = r.LearningRates(60, 10, 10); s.At(0) != 0 || s.At(5) != 0.0005 {
		t.Errorf("the warm-up to %v begins with %v, %v", r.LR, s.At(0), s.At(5))
	}
	r = Default()
	r.LR, r.Restarts = 1, 2
	if s = r.LearningRates(30, 0, 1); s.At(10) != 1 || s.At(20) != 1 || s.At(19) > 0.05 {
		t.Errorf("restarts: %v, %v, %v", s.At(10), s.At(20), s.At(19))
	}
}

// The epochs of a fall come back from a file as they were, a single one too.
func TestDecayEpochsInAFile(t *testing.T) {
	for file, want := range map[string]string{"decay_epochs: 60,80\n": "60,80", "decay_epochs: 60\n": "60", "decay_epochs: \"60, 80\"\n": "60, 80"} {
		r, err := fromArgs(t, file+"schedule: step\n")
		if err != nil || r.DecayEpochs != want {
			t.Fatalf("%q gives %q, %v", file, r.DecayEpochs, err)
		}
		text, err := Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again := Default()
		if _, err := parse(text, &again); err != nil || again != r {
			t.Errorf("%q comes back as %q, %v", want, again.DecayEpochs, err)
		}
	}
}
