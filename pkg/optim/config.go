package optim

import (
	"math"
	"slices"

	"supcon/pkg/fault"
)

// Config holds the settings of an optimiser; start from Defaults. Parameters
// are of two groups: those whose Decay() is true, and the biases and parameters
// of norms.
type Config struct {
	Name         string  // one of Names()
	Momentum     float64 // μ in [0, 1): sgd, lars
	Nesterov     bool    // sgd, lars
	Beta1, Beta2 float64 // in [0, 1): adamw
	Eps          float64 // ε > 0: adamw, lars
	Trust        float64 // η > 0: lars
	WeightDecay  float64 // λ ≥ 0
	DecayAll     bool    // decay biases and norms too
	BiasLR       float64 // ≥ 0: factor on the learning rate of biases and norms
	ClipNorm     float64 // > 0: greatest L2 norm of all gradients together; 0 = any
}

// Names lists the optimisers.
func Names() []string { return []string{"sgd", "adamw", "lars"} }

// Defaults returns the settings that PyTorch and the papers begin with, without
// weight decay.
func Defaults(name string) Config {
	return Config{Name: name, Momentum: 0.9, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Trust: 0.001, BiasLR: 1}
}

// DefaultLR returns the learning rate of a batch of so many images, as it grows
// in proportion to the batch: 0.05 for 256 images with sgd (the reference
// repository's), 0.001 with adamw (PyTorch's), 0.3 with lars (SimCLR's).
func DefaultLR(name string, images int) float64 {
	return map[string]float64{"sgd": 0.05, "adamw": 0.001, "lars": 0.3}[name] * float64(images) / 256
}

// Check returns an error of kind fault.Usage, or nil. What an optimiser does not
// use is not looked at.
func (c Config) Check() error {
	if !slices.Contains(Names(), c.Name) {
		return fault.Usage.Errorf("optim: there is no optimiser %q, only %v%s", c.Name, Names(), fault.DidYouMean(c.Name, Names()))
	}
	adam, lars := c.Name == "adamw", c.Name == "lars"
	switch {
	case !adam && !isShare(c.Momentum):
		return fault.Usage.Errorf("optim: momentum is %v; it must be at least 0 and under 1 (0.9 is usual)", c.Momentum)
	case !adam && c.Nesterov && c.Momentum == 0:
		return fault.Usage.Errorf("optim: nesterov needs a momentum above 0")
	case adam && !isShare(c.Beta1):
		return fault.Usage.Errorf("optim: beta1 is %v; it must be at least 0 and under 1 (0.9 is usual)", c.Beta1)
	case adam && !isShare(c.Beta2):
		return fault.Usage.Errorf("optim: beta2 is %v; it must be at least 0 and under 1 (0.999 is usual)", c.Beta2)
	case (adam || lars) && !(c.Eps >= leastEps && c.Eps <= 1):
		return fault.Usage.Errorf("optim: eps is %v; it must be from %v to 1 (1e-8 is usual)", c.Eps, leastEps)
	case lars && !(c.Trust > 0 && !math.IsInf(c.Trust, 0)):
		return fault.Usage.Errorf("optim: trust is %v; it must be above 0 (0.001 is usual)", c.Trust)
	}
	return c.checkGroups()
}

// leastEps keeps AdamW's divisor above the least float32, its corrections included.
const leastEps = 1e-16

func isShare(x float64) bool { return x >= 0 && x < 1 }

func (c Config) checkGroups() error {
	for _, s := range []struct {
		key   string
		value float64
		hint  string
	}{
		{"weight_decay", c.WeightDecay, "1e-4 is usual"},
		{"bias_lr", c.BiasLR, "1 gives biases the learning rate of weights"},
		{"clip_norm", c.ClipNorm, "0 leaves gradients as they are"},
	} {
		if !(s.value >= 0) || math.IsInf(s.value, 0) {
			return fault.Usage.Errorf("optim: %s is %v; it must be at least 0 (%s)", s.key, s.value, s.hint)
		}
	}
	return nil
}
