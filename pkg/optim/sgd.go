package optim

import (
	"fmt"

	"supcon/pkg/fault"
	"supcon/pkg/kernel"

	G "gorgonia.org/gorgonia"
)

// SGDConfig holds the settings of stochastic gradient descent.
type SGDConfig struct {
	Momentum    float64 // μ in [0, 1)
	Nesterov    bool
	WeightDecay float64 // λ ≥ 0
	DecayAll    bool    // decay biases and norms too
}

// Check returns an error of kind fault.Usage, or nil.
func (c SGDConfig) Check() error {
	switch {
	case !(c.Momentum >= 0 && c.Momentum < 1):
		return fault.Usage.Errorf("optim: the momentum is %v; it has to be in [0, 1)", c.Momentum)
	case !(c.WeightDecay >= 0):
		return fault.Usage.Errorf("optim: the weight decay is %v; it has to be 0 or above", c.WeightDecay)
	case c.Nesterov && c.Momentum == 0:
		return fault.Usage.Errorf("optim: Nesterov's rule needs a momentum above 0")
	}
	return nil
}

// SGD is stochastic gradient descent as in PyTorch:
//
//	g ← g + λp
//	v ← μv + g
//	p ← p − lr·v, or p − lr·(g + μv) with Nesterov
//
// The learning rate is applied after the buffer, so that a schedule does not
// rescale it. λ applies to parameters whose Decay() is true, or to all with
// DecayAll.
type SGD struct {
	config SGDConfig
	engine *kernel.Engine
	names  []string // of the parameters
	state  []State
	lr     float32
}

// NewSGD returns a solver of exactly these parameters. Its momentum starts at
// zero, which equals PyTorch's first step v = g.
func NewSGD(e *kernel.Engine, c SGDConfig, parameters []Parameter) (*SGD, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	s := &SGD{config: c, engine: e}
	for _, p := range parameters {
		data, shape, err := values(p)
		if err != nil {
			return nil, err
		}
		s.names = append(s.names, p.Name())
		s.state = append(s.state, State{p.Name() + ".momentum_buffer", shape.Clone(), make([]float32, len(data))})
	}
	return s, nil
}

// SetLearningRate sets the rate of the next Step.
func (s *SGD) SetLearningRate(lr float64) { s.lr = float32(lr) }

// State returns the momentum buffers.
func (s *SGD) State() []State { return s.state }

// Restore puts momentum buffers back.
func (s *SGD) Restore(saved []State) error { return restore(s.state, saved) }

// Step updates the parameters in place. grads are Parameters of the names given
// to NewSGD, in that order, with the gradients of the last run.
func (s *SGD) Step(grads []G.ValueGrad) error {
	if len(grads) != len(s.names) {
		return fmt.Errorf("optim: a step with %d gradients for %d parameters", len(grads), len(s.names))
	}
	for i, name := range s.names {
		p, ok := grads[i].(Parameter)
		if !ok || p.Name() != name {
			return fmt.Errorf("optim: gradient %d is not that of parameter %s", i, name)
		}
		data, _, err := values(p)
		if err != nil {
			return err
		}
		g, err := gradient(p)
		if err != nil {
			return err
		}
		if len(g) != len(data) || len(g) != len(s.state[i].Data) {
			return fmt.Errorf("optim: parameter %s has %d values and %d gradients where %d were expected", name, len(data), len(g), len(s.state[i].Data))
		}
		decay := float32(s.config.WeightDecay)
		if !p.Decay() && !s.config.DecayAll {
			decay = 0
		}
		s.engine.SGD(data, s.state[i].Data, g, s.lr, float32(s.config.Momentum), decay, s.config.Nesterov)
	}
	return nil
}
