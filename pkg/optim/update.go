package optim

import (
	"fmt"
	"math"

	"supcon/pkg/kernel"

	G "gorgonia.org/gorgonia"
)

// solver is a Solver by any rule.
type solver struct {
	config Config
	rule   rule
	engine *kernel.Engine
	names  []string // of the parameters
	state  []State  // kept for each parameter, then the count if the rule counts
	kept   int
	lr     float64
	next   Update
}

// New returns a solver of exactly these parameters.
func New(e *kernel.Engine, c Config, parameters []Parameter) (Solver, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	s := &solver{config: c, rule: newRule(c), engine: e}
	arrays := s.rule.arrays()
	s.kept = len(arrays)
	for _, p := range parameters {
		data, shape, err := values(p)
		if err != nil {
			return nil, err
		}
		s.names = append(s.names, p.Name())
		for _, array := range arrays {
			s.state = append(s.state, State{p.Name() + "." + array, shape.Clone(), make([]float32, len(data))})
		}
	}
	if s.rule.counts() {
		s.state = append(s.state, State{countName, []int{1}, make([]float32, 1)})
	}
	s.next.parts = make([]part, len(parameters))
	return s, nil
}

func (s *solver) SetLearningRate(lr float64)  { s.lr = lr }
func (s *solver) State() []State              { return s.state }
func (s *solver) Restore(saved []State) error { return restore(s.state, saved) }

func (s *solver) Step(grads []G.ValueGrad) error {
	if err := s.read(grads); err != nil {
		return err
	}
	if s.config.ClipNorm > 0 || s.rule.measures() {
		s.measure()
	}
	s.Apply(&s.next)
	return nil
}

func (s *solver) Prepare(grads []G.ValueGrad) (*Update, error) {
	if err := s.read(grads); err != nil {
		return nil, err
	}
	s.measure()
	return &s.next, nil
}

// read takes parameters and gradients into the next update.
func (s *solver) read(grads []G.ValueGrad) error {
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
		if n := len(s.arraysOf(i)[0].Data); len(g) != len(data) || len(g) != n {
			return fmt.Errorf("optim: parameter %s has %d values and %d gradients where %d were expected", name, len(data), len(g), n)
		}
		s.next.parts[i] = part{p: data, g: g, decay: p.Decay()}
	}
	return nil
}

func (s *solver) arraysOf(i int) []State { return s.state[i*s.kept:][:s.kept] }

// measure finds the norms of the gradients read.
func (s *solver) measure() {
	sum := 0.0
	for i := range s.next.parts {
		part := &s.next.parts[i]
		part.square = s.engine.Norm2(part.g)
		sum += part.square
	}
	s.next.Norm = math.Sqrt(sum)
}

func (s *solver) Apply(u *Update) {
	t := terms{scale: clip(u.Norm, s.config.ClipNorm)}
	if s.rule.counts() {
		t.count = s.counted()
	}
	for i, part := range u.parts {
		t.lr, t.decay, t.square = s.lr, s.config.WeightDecay, part.square
		if !part.decay {
			t.lr *= s.config.BiasLR
			if !s.config.DecayAll {
				t.decay = 0
			}
		}
		s.rule.update(s.engine, t, part.p, part.g, s.arraysOf(i))
	}
}

// counted returns the number of the update that is being made.
func (s *solver) counted() int {
	count := s.state[len(s.state)-1].Data
	count[0] = min(count[0]+1, maxCount)
	return int(count[0])
}

// clip returns the factor that brings a norm down to the greatest allowed (0 =
// any), as torch.nn.utils.clip_grad_norm_ has it.
func clip(norm, greatest float64) float64 {
	const away = 1e-6 // from a division by zero
	if factor := greatest / (norm + away); greatest > 0 && factor < 1 {
		return factor
	}
	return 1
}
