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
	Warmup int     // of these, updates that climb linearly to LR
}

// curves holds the shape after the warm-up as a share of LR: progress is 0 at
// its first step and would be 1 one step after the last.
var curves = map[string]func(progress float64) float64{
	"cosine":   func(progress float64) float64 { return (1 + math.Cos(math.Pi*progress)) / 2 },
	"constant": func(float64) float64 { return 1 },
}

// Schedules lists the names.
func Schedules() []string { return []string{"cosine", "constant"} }

// Check returns an error of kind fault.Usage, or nil.
func (s Schedule) Check() error {
	switch {
	case curves[s.Name] == nil:
		return fault.Usage.Errorf("optim: there is no schedule %q, only %v%s", s.Name, Schedules(), fault.DidYouMean(s.Name, Schedules()))
	case !(s.LR >= 0) || math.IsInf(s.LR, 0):
		return fault.Usage.Errorf("optim: the learning rate is %v; it has to be 0 or above", s.LR)
	case s.Steps < 0 || s.Warmup < 0 || s.Warmup > s.Steps:
		return fault.Usage.Errorf("optim: a warm-up of %d steps does not fit a run of %d", s.Warmup, s.Steps)
	}
	return nil
}

// At returns the learning rate of the update that follows `step` completed ones:
//
//	step < Warmup: LR·(step+1)/Warmup
//	after:         LR·curve((step−Warmup)/(Steps−Warmup))
//
// with curve = (1+cos πx)/2 for "cosine", which ends at 0 after the last step,
// and 1 for "constant".
func (s Schedule) At(step int) float64 {
	if step < s.Warmup {
		return s.LR * float64(step+1) / float64(s.Warmup)
	}
	progress := 1.0
	if step < s.Steps {
		progress = float64(step-s.Warmup) / float64(s.Steps-s.Warmup)
	}
	return s.LR * curves[s.Name](progress)
}
