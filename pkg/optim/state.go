package optim

import (
	"math"
	"slices"

	"supcon/pkg/fault"
)

// State is one array of a solver: shaped as the parameter it belongs to, or the
// count of updates.
type State struct {
	Name  string // the parameter's path, a dot, and what the array is: "encoder.conv1.weight.momentum_buffer"; or "step"
	Shape []int
	Data  []float32
}

const (
	countName = "step"
	// maxCount is where the count of updates stops: the largest up to which
	// float32 holds every whole number, and far beyond where the corrections that
	// depend on it have become 1.
	maxCount = 1 << 24
)

// restore copies saved arrays into the solver's own, matched by name, or
// changes nothing.
func restore(own, saved []State) error {
	byName := make(map[string]State, len(saved))
	for _, s := range saved {
		byName[s.Name] = s
	}
	for _, o := range own {
		s, ok := byName[o.Name]
		switch {
		case !ok:
			return fault.Checkpoint.Errorf("optim: the saved optimiser state has no %q; was it made with another optimiser or model?", o.Name)
		case len(s.Data) != len(o.Data):
			return fault.Checkpoint.Errorf("optim: the saved optimiser state has %d values for %q, the model %d", len(s.Data), o.Name, len(o.Data))
		case o.Name == countName && !isCount(s.Data[0]):
			return fault.Checkpoint.Errorf("optim: the saved optimiser state has made %v updates, which cannot be", s.Data[0])
		}
	}
	for _, s := range saved {
		if !slices.ContainsFunc(own, func(o State) bool { return o.Name == s.Name }) {
			return fault.Checkpoint.Errorf("optim: the saved optimiser state has %q, which this optimiser does not know", s.Name)
		}
	}
	for _, o := range own {
		copy(o.Data, byName[o.Name].Data)
	}
	return nil
}

func isCount(x float32) bool {
	return x >= 0 && x <= maxCount && float64(x) == math.Trunc(float64(x))
}
