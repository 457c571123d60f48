// Package optim updates parameters: solvers that gorgonia can drive, with state
// that can be saved and put back, and learning-rate schedules.
package optim

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Solver is a gorgonia.Solver whose learning rate follows a schedule and whose
// state is part of a checkpoint. New makes one.
type Solver interface {
	// Step is Prepare and Apply, without the norm where nothing depends on it.
	G.Solver
	// SetLearningRate sets the rate of the next update.
	SetLearningRate(lr float64)
	// Prepare reads and measures the gradients of the last run and changes
	// nothing. grads are the Parameters given to New, in that order. The result
	// serves until the next Prepare or Step.
	Prepare(grads []G.ValueGrad) (*Update, error)
	// Apply updates the parameters in place by what Prepare returned.
	Apply(*Update)
	// State returns the solver's own arrays. They share memory with the solver.
	State() []State
	// Restore puts back what State returned. An array that is missing, unknown or
	// of another size is an error of kind fault.Checkpoint.
	Restore([]State) error
}

// Update is an update about to be made.
type Update struct {
	Norm  float64 // L2 norm of the gradients of all parameters together, before clipping
	parts []part
}

// part is one parameter's share of an Update.
type part struct {
	p, g   []float32
	square float64 // ‖g‖²
	decay  bool    // it belongs to the group that decays
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
