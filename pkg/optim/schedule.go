package optim

import (
	"math"

	"supcon/pkg/fault"
)

// Schedule gives the learning rate of every step of a run.
type Schedule struct {
	Name   string  // one of Schedules()
	LR     float64 // the rate at the top
	Steps  int     // updates in the whole run
	Warmup int     // of these, updates that climb linearly

	Restarts int // "cosine" and "linear": times that the curve begins again at LR

	// "step" and "cosine-epoch", which change after whole epochs:
	PerEpoch    int     // updates in an epoch
	DecayRate   float64 // in (0, 1]
	DecayEpochs []int   // "step": epochs after which the rate falls, rising
	WarmupFrom  float64 // the rate that the warm-up begins with
}

// ReferenceWarmupFrom is the rate that the reference repository's warm-up begins
// with, whatever it leads to.
const ReferenceWarmupFrom = 0.01

// curves holds the rates after the warm-up.
var curves = map[string]func(s Schedule, step int) float64{
	"cosine":       func(s Schedule, step int) float64 { return s.LR * cosine(s.cycle(step)) },
	"linear":       func(s Schedule, step int) float64 { return s.LR * (1 - s.cycle(step)) },
	"constant":     func(s Schedule, _ int) float64 { return s.LR },
	"cosine-epoch": func(s Schedule, step int) float64 { return s.cosineEpoch(float64(s.epoch(step))) },
	"step":         func(s Schedule, step int) float64 { return s.LR * math.Pow(s.DecayRate, float64(s.falls(step))) },
}

// Schedules lists the names.
func Schedules() []string { return []string{"cosine", "linear", "constant", "cosine-epoch", "step"} }

// Check returns an error of kind fault.Usage, or nil.
func (s Schedule) Check() error {
	switch {
	case curves[s.Name] == nil:
		return fault.Usage.Errorf("optim: there is no schedule %q, only %v%s", s.Name, Schedules(), fault.DidYouMean(s.Name, Schedules()))
	case !(s.LR >= 0) || math.IsInf(s.LR, 0):
		return fault.Usage.Errorf("optim: the learning rate is %v; it has to be 0 or above", s.LR)
	case s.Steps < 0 || s.Warmup < 0 || s.Warmup > s.Steps:
		return fault.Usage.Errorf("optim: a warm-up of %d steps does not fit a run of %d", s.Warmup, s.Steps)
	case s.Restarts < 0 || s.Restarts > 0 && s.Steps > 0 && s.Restarts >= s.Steps-s.Warmup:
		return fault.Usage.Errorf("optim: %d restarts do not fit the %d steps after the warm-up", s.Restarts, s.Steps-s.Warmup)
	case s.byEpoch() && s.PerEpoch < 1:
		return fault.Usage.Errorf("optim: schedule %s needs the number of steps in an epoch", s.Name)
	case s.byEpoch() && !(s.DecayRate > 0 && s.DecayRate <= 1):
		return fault.Usage.Errorf("optim: the decay rate is %v; it has to be above 0 and at most 1", s.DecayRate)
	}
	return nil
}

// At returns the learning rate of the update that follows `step` completed ones.
// With x = (step−Warmup)/(Steps−Warmup), or with R restarts the fraction of
// (R+1)·x, and e the epoch of the update, counted from 1 (E in all):
//
//	cosine:       LR·(1+cos πx)/2                                       Loshchilov & Hutter 2017 (SGDR), equal cycles
//	linear:       LR·(1−x)
//	constant:     LR
//	cosine-epoch: m + (LR−m)·(1+cos(π·e/E))/2,  m = LR·DecayRate³       the reference repository's
//	step:         LR·DecayRateᵏ,  k = number of DecayEpochs below e     the same
//
// and for step < Warmup, as the reference has it for the last two, with top the
// cosine of e = Warmup/PerEpoch or LR:
//
//	LR·(step+1)/Warmup
//	WarmupFrom + (top−WarmupFrom)·step/Warmup
func (s Schedule) At(step int) float64 {
	switch {
	case step >= s.Warmup:
		return curves[s.Name](s, step)
	case !s.byEpoch():
		return s.LR * float64(step+1) / float64(s.Warmup)
	}
	top := s.LR
	if s.Name == "cosine-epoch" {
		top = s.cosineEpoch(float64(s.Warmup) / float64(s.PerEpoch))
	}
	return s.WarmupFrom + (top-s.WarmupFrom)*float64(step)/float64(s.Warmup)
}

func (s Schedule) byEpoch() bool { return s.Name == "cosine-epoch" || s.Name == "step" }

// cycle is how far the curve has come: 0 at the first step of a cycle, and it
// would be 1 one step after the last.
func (s Schedule) cycle(step int) float64 {
	if step >= s.Steps {
		return 1
	}
	length := s.Steps - s.Warmup
	return float64((step-s.Warmup)*(s.Restarts+1)%length) / float64(length)
}

// epoch is that of the update after `step` completed ones, counted from 1; the
// last goes on.
func (s Schedule) epoch(step int) int { return min(step/s.PerEpoch+1, s.epochs()) }

func (s Schedule) epochs() int { return max(1, (s.Steps+s.PerEpoch-1)/s.PerEpoch) }

func (s Schedule) cosineEpoch(epoch float64) float64 {
	least := s.LR * math.Pow(s.DecayRate, 3)
	return least + (s.LR-least)*cosine(epoch/float64(s.epochs()))
}

// falls counts the epochs in DecayEpochs that are over.
func (s Schedule) falls(step int) int {
	n := 0
	for _, e := range s.DecayEpochs {
		if e < s.epoch(step) {
			n++
		}
	}
	return n
}

// cosine falls from 1 at x = 0 to 0 at x = 1.
func cosine(x float64) float64 { return (1 + math.Cos(math.Pi*x)) / 2 }
