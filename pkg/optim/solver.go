// Package optim updates parameters: solvers that gorgonia can drive, with state
// that can be saved and put back, and learning-rate schedules.
package optim

import (
	"fmt"

	"supcon/pkg/fault"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Solver is a gorgonia.Solver whose learning rate follows a schedule and whose
// state is part of a checkpoint.
type Solver interface {
	G.Solver
	// SetLearningRate sets the rate of the next Step.
	SetLearningRate(lr float64)
	// State returns the solver's own arrays, in the order of the parameters. They
	// share memory with the solver.
	State() []State
	// Restore puts back what State returned. An array that is missing, unknown or
	// of another size is an error of kind fault.Checkpoint.
	Restore([]State) error
}

// State is one array of a solver, shaped as the parameter it belongs to.
type State struct {
	Name  string // the parameter's path, a dot, and what the array is: "encoder.conv1.weight.momentum_buffer"
	Shape []int
	Data  []float32
}

// Parameter is what a solver wants of a gorgonia.ValueGrad: a name, and whether
// weight decay applies to it.
type Parameter interface {
	G.ValueGrad
	Name() string
	Decay() bool // false for biases and the parameters of norms
}

// values returns the float32 values of a dense parameter.
func values(p Parameter) ([]float32, tensor.Shape, error) {
	return float32s(p, "value", p.Value())
}

// gradient returns the gradient of p from the last run of the graph.
func gradient(p Parameter) ([]float32, error) {
	v, err := p.Grad()
	if err != nil {
		return nil, fmt.Errorf("optim: parameter %s: %w", p.Name(), err)
	}
	data, _, err := float32s(p, "gradient", v)
	return data, err
}

func float32s(p Parameter, what string, v G.Value) ([]float32, tensor.Shape, error) {
	dense, ok := v.(*tensor.Dense)
	if !ok || dense.Dtype() != tensor.Float32 {
		return nil, nil, fmt.Errorf("optim: the %s of parameter %s is %T, not a dense float32 array", what, p.Name(), v)
	}
	return dense.Data().([]float32), dense.Shape(), nil
}

// restore copies saved arrays into the solver's own, matched by name.
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
		}
		delete(byName, o.Name)
	}
	for name := range byName {
		return fault.Checkpoint.Errorf("optim: the saved optimiser state has %q, which this optimiser does not know", name)
	}
	for _, s := range saved {
		for _, o := range own {
			if o.Name == s.Name {
				copy(o.Data, s.Data)
			}
		}
	}
	return nil
}
