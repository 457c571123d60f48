package config

import (
	"slices"
	"strconv"
	"strings"

	"supcon/pkg/fault"
	"supcon/pkg/optim"
)

// Solver returns the settings of the optimiser.
func (r Run) Solver() optim.Config {
	return optim.Config{
		Name: r.Optimizer, Momentum: r.Momentum, Nesterov: r.Nesterov, Beta1: r.Beta1, Beta2: r.Beta2, Eps: r.Eps, Trust: r.Trust,
		WeightDecay: r.WeightDecay, DecayAll: r.DecayAll, BiasLR: r.BiasLR, ClipNorm: r.ClipNorm,
	}
}

// LearningRates returns the schedule of a run of so many steps, of which the
// first `warmup` are the warm-up. The reference repository's schedules begin
// theirs where it does, or at 0 if that is no climb.
func (r Run) LearningRates(steps, warmup, perEpoch int) optim.Schedule {
	epochs, _ := r.decayEpochs() // Validate has seen the error
	s := optim.Schedule{
		Name: r.Schedule, LR: r.LR, Steps: steps, Warmup: warmup, Restarts: r.Restarts,
		PerEpoch: perEpoch, DecayRate: r.DecayRate, DecayEpochs: epochs,
	}
	if r.LR > optim.ReferenceWarmupFrom {
		s.WarmupFrom = optim.ReferenceWarmupFrom
	}
	return s
}

// decayEpochs reads the setting of that name.
func (r Run) decayEpochs() ([]int, error) {
	if r.DecayEpochs == "" {
		return nil, nil
	}
	var epochs []int
	for _, text := range strings.Split(r.DecayEpochs, ",") {
		e, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || e < 1 || len(epochs) > 0 && e <= epochs[len(epochs)-1] {
			return nil, fault.Usage.Errorf("config: decay_epochs is %q; it must be whole numbers above 0, rising, with commas between them, e.g. 60,80", r.DecayEpochs)
		}
		epochs = append(epochs, e)
	}
	return epochs, nil
}

// validateOptimizer checks the settings of the optimiser and of the schedule,
// and that none is given which the chosen one would not look at.
func (r Run) validateOptimizer() error {
	for _, p := range r.particulars() {
		if p.given && !slices.Contains(p.users, p.word) {
			return fault.Usage.Errorf("config: %s is a setting of %s %s and does nothing with %s; leave it out, or give --%s %s",
				p.key, p.choice, strings.Join(p.users, " or "), p.word, p.choice, p.users[0])
		}
	}
	epochs, err := r.decayEpochs()
	switch {
	case err != nil:
		return err
	case r.Schedule == "step" && len(epochs) == 0:
		return fault.Usage.Errorf("config: schedule step needs the epochs after which the learning rate falls; give e.g. --decay-epochs 60,80")
	case r.Optimizer == "lars" && r.WeightDecay == 0:
		return fault.Usage.Errorf("config: weight_decay is 0, which makes lars plain sgd; give a weight_decay above 0 (1e-6 is usual for lars) or --optimizer sgd")
	}
	return r.Solver().Check()
}

// particular is a setting that only some words of a choice look at.
type particular struct {
	key          string
	given        bool // it is not at its default
	choice, word string
	users        []string
}

func (r Run) particulars() []particular {
	d := Default()
	of := func(key string, given bool, users ...string) particular {
		return particular{key, given, "optimizer", r.Optimizer, users}
	}
	by := func(key string, given bool, users ...string) particular {
		return particular{key, given, "schedule", r.Schedule, users}
	}
	return []particular{
		of("momentum", r.Momentum != d.Momentum, "sgd", "lars"),
		of("nesterov", r.Nesterov, "sgd", "lars"),
		of("beta1", r.Beta1 != d.Beta1, "adamw"),
		of("beta2", r.Beta2 != d.Beta2, "adamw"),
		of("eps", r.Eps != d.Eps, "adamw", "lars"),
		of("trust", r.Trust != d.Trust, "lars"),
		by("restarts", r.Restarts != 0, "cosine", "linear"),
		by("decay_epochs", r.DecayEpochs != "", "step"),
		by("decay_rate", r.DecayRate != d.DecayRate, "step", "cosine-epoch"),
	}
}
