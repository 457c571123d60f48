// Package nn holds named parameters and the layers that use them. A layer is
// made once, which declares its parameters, and can then be put into any number
// of graphs, which share them.
package nn

import (
	"fmt"

	"supcon/pkg/fault"
	"supcon/pkg/kernel"
	"supcon/pkg/op"

	"gorgonia.org/tensor"
)

// Param is one array that training changes. Its name is its identity
// everywhere: node, checkpoint, ONNX.
type Param struct {
	Name  string
	Shape []int
	Value *tensor.Dense // float32; every graph reads this memory
	Decay bool          // weight decay applies: not to biases and norms
}

// Params is the state of a model in the order in which its layers declared it:
// parameters, and the running statistics of batch norms.
type Params struct {
	seed    uint64
	params  []*Param
	entries []entry
	taken   map[string]bool
}

// entry is one array of the state. data is nil for a counter.
type entry struct {
	name    string
	shape   []int
	data    []float32
	counter *int64
}

// NewParams returns an empty set whose parameters are drawn from the seed.
func NewParams(seed uint64) *Params {
	return &Params{seed: seed, taken: map[string]bool{}}
}

// All returns the parameters in order.
func (s *Params) All() []*Param { return s.params }

// Count is the number of trained values.
func (s *Params) Count() int {
	n := 0
	for _, p := range s.params {
		n += len(p.Value.Float32s())
	}
	return n
}

// add declares a parameter and draws its first value.
func (s *Params) add(name string, decay bool, init Init, shape ...int) *Param {
	p := &Param{Name: name, Shape: shape, Value: tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...)), Decay: decay}
	init(p.Value.Float32s(), s.seed, uint64(len(s.params)))
	s.params = append(s.params, p)
	s.enter(entry{name: name, shape: shape, data: p.Value.Float32s()})
	return p
}

// addFixed declares an array that is part of the state but is not trained.
func (s *Params) addFixed(name string, value float32, shape ...int) *Param {
	p := &Param{Name: name, Shape: shape, Value: tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))}
	constant(value)(p.Value.Float32s(), 0, 0)
	s.enter(entry{name: name, shape: shape, data: p.Value.Float32s()})
	return p
}

// addNorm declares the running statistics of a batch norm.
func (s *Params) addNorm(name string, channels int) *op.NormState {
	state := op.NewNormState(channels)
	s.enter(entry{name: name + ".running_mean", shape: []int{channels}, data: state.Mean})
	s.enter(entry{name: name + ".running_var", shape: []int{channels}, data: state.Variance})
	s.enter(entry{name: name + ".num_batches_tracked", shape: []int{}, counter: &state.Batches})
	return state
}

// enter panics on a name that is taken: names are the program's own, never a
// user's.
func (s *Params) enter(e entry) {
	if s.taken[e.name] {
		panic("nn: two layers declare " + e.name)
	}
	s.taken[e.name] = true
	s.entries = append(s.entries, e)
}

// Tensor is one array of a model's state in the program's layout: filters are
// (R,S,C,K), linear weights (in,out).
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}

// State returns everything a checkpoint needs of the model, parameters and
// running statistics, in order. The arrays share memory with the model, except
// num_batches_tracked, which has no dimensions and one value.
func (s *Params) State() []Tensor {
	state := make([]Tensor, len(s.entries))
	for i, e := range s.entries {
		state[i] = Tensor{e.name, e.shape, e.data}
		if e.counter != nil {
			state[i].Data = []float32{float32(*e.counter)} // exact up to 2²⁴ batches
		}
	}
	return state
}

// Average takes the state of an equal model into the exponential moving average
// that s is, parameters and running statistics alike; counters are copied:
//
//	s ← d·s + (1−d)·of
//
// with the decay d in [0, 1).
func (s *Params) Average(e *kernel.Engine, of *Params, d float64) {
	for i, own := range s.entries {
		other := of.entries[i]
		if own.counter != nil {
			*own.counter = *other.counter
			continue
		}
		e.Lerp(own.data, float32(1-d), other.data)
	}
}

// Load copies a saved state into the model. Unless it has exactly the model's
// names and shapes it is an error of kind fault.Checkpoint and nothing changes.
func (s *Params) Load(state []Tensor) error {
	byName := make(map[string]Tensor, len(state))
	for _, t := range state {
		byName[t.Name] = t
	}
	for _, e := range s.entries {
		t, ok := byName[e.name]
		if !ok {
			return fault.Checkpoint.Errorf("nn: the checkpoint has no %q; it is of another model", e.name)
		}
		size := tensor.Shape(e.shape).TotalSize()
		if fmt.Sprint(t.Shape) != fmt.Sprint(e.shape) || len(t.Data) != max(1, size) {
			return fault.Checkpoint.Errorf("nn: %q has shape %v in the checkpoint and %v in the model; it is of another model", e.name, t.Shape, e.shape)
		}
		delete(byName, e.name)
	}
	for name := range byName {
		return fault.Checkpoint.Errorf("nn: the checkpoint has %q, which the model has not; it is of another model", name)
	}
	for _, t := range state {
		for _, e := range s.entries {
			if e.name != t.Name {
				continue
			}
			if e.counter != nil {
				*e.counter = int64(t.Data[0])
			} else {
				copy(e.data, t.Data)
			}
		}
	}
	return nil
}
