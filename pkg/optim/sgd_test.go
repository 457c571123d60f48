package optim

import (
	"errors"
	"strings"
	"testing"

	"supcon/pkg/fault"
	"supcon/pkg/internal/numtest"
	"supcon/pkg/kernel"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// parameter is a Parameter made by hand.
type parameter struct {
	name  string
	value *tensor.Dense
	grad  *tensor.Dense
	decay bool
}

func (p *parameter) Value() G.Value { return p.value }
func (p *parameter) Name() string   { return p.name }
func (p *parameter) Decay() bool    { return p.decay }
func (p *parameter) Grad() (G.Value, error) {
	if p.grad == nil {
		return nil, errors.New("no gradient yet")
	}
	return p.grad, nil
}

func dense(a numtest.Array) *tensor.Dense {
	return tensor.New(tensor.WithShape(a.Shape...), tensor.WithBacking(a.Float32()))
}

func engine(t testing.TB) *kernel.Engine {
	t.Helper()
	e, err := kernel.New(kernel.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// optimCase is one case of optim.json.
type optimCase struct {
	Name, Optimizer string
	Config          struct {
		Momentum    float64 `json:"momentum"`
		Nesterov    bool    `json:"nesterov"`
		WeightDecay float64 `json:"weight_decay"`
	}
	LRPerStep  []float64       `json:"lr_per_step"`
	ParamsInit []numtest.Array `json:"params_init"`
	Steps      []struct {
		Grads       []numtest.Array
		ParamsAfter []numtest.Array `json:"params_after"`
		StateAfter  []struct {
			MomentumBuffer *numtest.Array `json:"momentum_buffer"`
		} `json:"state_after"`
	}
}

var updateFloat32 = numtest.Tolerance{Relative: 1e-6, Floor: 1e-7}

func TestGoldenSGD(t *testing.T) {
	var golden struct{ Cases []optimCase }
	numtest.Golden(t, "optim.json", &golden)
	e := engine(t)
	run := 0
	for _, c := range golden.Cases {
		if !strings.HasSuffix(c.Optimizer, "SGD") {
			continue
		}
		run++
		t.Run(c.Name, func(t *testing.T) { checkSGD(t, e, c) })
	}
	if run == 0 {
		t.Error("no SGD case in the file")
	}
}

func checkSGD(t *testing.T, e *kernel.Engine, c optimCase) {
	var params []Parameter
	var grads []G.ValueGrad
	for i, a := range c.ParamsInit {
		p := &parameter{name: string(rune('a' + i)), value: dense(a)}
		params, grads = append(params, p), append(grads, p)
	}
	// Torch's single parameter group decays everything.
	s, err := NewSGD(e, SGDConfig{c.Config.Momentum, c.Config.Nesterov, c.Config.WeightDecay, true}, params)
	if err != nil {
		t.Fatal(err)
	}
	for n, step := range c.Steps {
		for i, g := range step.Grads {
			params[i].(*parameter).grad = dense(g)
		}
		s.SetLearningRate(c.LRPerStep[n])
		if err := s.Step(grads); err != nil {
			t.Fatal(err)
		}
		for i, want := range step.ParamsAfter {
			numtest.Close(t, params[i].Name(), params[i].Value().Data().([]float32), want.Data, updateFloat32)
			if buffer := step.StateAfter[i].MomentumBuffer; buffer != nil && len(buffer.Shape) > 0 {
				numtest.Close(t, s.State()[i].Name, s.State()[i].Data, buffer.Data, updateFloat32)
			}
		}
	}
}

func twoParameters() ([]Parameter, []G.ValueGrad) {
	mk := func(name string, decay bool) *parameter {
		return &parameter{name,
			tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, -2})),
			tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{0.5, 0.25})), decay}
	}
	w, b := mk("w", true), mk("b", false)
	return []Parameter{w, b}, []G.ValueGrad{w, b}
}

func TestDecaySparesBiasesUnlessAskedFor(t *testing.T) {
	for _, all := range []bool{false, true} {
		params, grads := twoParameters()
		s, err := NewSGD(engine(t), SGDConfig{WeightDecay: 0.5, DecayAll: all}, params)
		if err != nil {
			t.Fatal(err)
		}
		s.SetLearningRate(1)
		if err := s.Step(grads); err != nil {
			t.Fatal(err)
		}
		w, b := params[0].Value().Data().([]float32), params[1].Value().Data().([]float32)
		if w[0] != 0 { // 1 − (0.5 + 0.5·1)
			t.Errorf("decayed weight = %v, want 0", w[0])
		}
		if want := map[bool]float32{false: 0.5, true: 0}[all]; b[0] != want {
			t.Errorf("DecayAll = %v: bias = %v, want %v", all, b[0], want)
		}
	}
}

func TestRestoredStateContinuesExactly(t *testing.T) {
	config := SGDConfig{Momentum: 0.9, Nesterov: true, WeightDecay: 1e-4}
	run := func(steps int, s *SGD, grads []G.ValueGrad) {
		for n := range steps {
			s.SetLearningRate(0.1 / float64(n+1))
			if err := s.Step(grads); err != nil {
				t.Fatal(err)
			}
		}
	}
	params, grads := twoParameters()
	whole, _ := NewSGD(engine(t), config, params)
	run(2, whole, grads)
	saved := make([]State, len(whole.State()))
	for i, s := range whole.State() {
		saved[i] = State{s.Name, s.Shape, append([]float32(nil), s.Data...)}
	}
	resumed, resumedGrads := twoParameters()
	for i, p := range params {
		copy(resumed[i].Value().Data().([]float32), p.Value().Data().([]float32))
	}
	second, _ := NewSGD(engine(t), config, resumed)
	if err := second.Restore(saved); err != nil {
		t.Fatal(err)
	}
	run(3, whole, grads)
	run(3, second, resumedGrads)
	for i := range params {
		a, b := params[i].Value().Data().([]float32), resumed[i].Value().Data().([]float32)
		for k := range a {
			if a[k] != b[k] {
				t.Errorf("%s[%d]: %v and %v after resuming", params[i].Name(), k, a[k], b[k])
			}
		}
	}
}

func TestRestoreRefusesForeignState(t *testing.T) {
	params, _ := twoParameters()
	s, _ := NewSGD(engine(t), SGDConfig{Momentum: 0.9}, params)
	good := func() []State {
		return []State{{"w.momentum_buffer", []int{2}, []float32{1, 2}}, {"b.momentum_buffer", []int{2}, []float32{3, 4}}}
	}
	for name, spoil := range map[string]func([]State) []State{
		"missing": func(s []State) []State { return s[:1] },
		"size":    func(s []State) []State { s[0].Data = s[0].Data[:1]; return s },
		"unknown": func(s []State) []State { return append(s, State{Name: "x.exp_avg"}) },
	} {
		if err := s.Restore(spoil(good())); fault.Of(err) != fault.Checkpoint || err == nil {
			t.Errorf("%s: error %v", name, err)
		}
		if s.State()[0].Data[0] != 0 {
			t.Errorf("%s: the state was changed all the same", name)
		}
	}
	if err := s.Restore(good()); err != nil || s.State()[1].Data[1] != 4 {
		t.Errorf("good state: %v, %v", err, s.State())
	}
}

func TestStepErrors(t *testing.T) {
	params, grads := twoParameters()
	s, _ := NewSGD(engine(t), SGDConfig{}, params)
	if err := s.Step(grads[:1]); err == nil {
		t.Error("a step with a gradient too few passed")
	}
	if err := s.Step([]G.ValueGrad{grads[1], grads[0]}); err == nil {
		t.Error("a step with gradients in another order passed")
	}
	params[1].(*parameter).grad = nil
	if err := s.Step(grads); err == nil || !strings.Contains(err.Error(), "parameter b") {
		t.Errorf("a missing gradient gives %v", err)
	}
	for name, c := range map[string]SGDConfig{"momentum 1": {Momentum: 1}, "negative decay": {WeightDecay: -1}, "nesterov alone": {Nesterov: true}} {
		if _, err := NewSGD(engine(t), c, params); fault.Of(err) != fault.Usage || err == nil {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
