package optim

import (
	"errors"
	"math"
	"slices"
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

func (p *parameter) floats() []float32 { return p.value.Data().([]float32) }

func dense(a numtest.Array) *tensor.Dense {
	return tensor.New(tensor.WithShape(a.Shape...), tensor.WithBacking(a.Float32()))
}

// engines returns one engine for each branch that this machine has.
func engines(t testing.TB) []*kernel.Engine {
	t.Helper()
	var all []*kernel.Engine
	for _, b := range kernel.Branches() {
		e, err := kernel.New(kernel.Options{Threads: 2, Branch: b})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// pair is a weight, which decays, and a bias, with their gradients.
type pair struct{ w, b *parameter }

func newPair() pair {
	mk := func(name string, decay bool) *parameter {
		return &parameter{name,
			tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, -2})),
			tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{0.5, 0.25})), decay}
	}
	return pair{mk("w", true), mk("b", false)}
}

func (p pair) parameters() []Parameter { return []Parameter{p.w, p.b} }
func (p pair) grads() []G.ValueGrad    { return []G.ValueGrad{p.w, p.b} }
func (p pair) floats() []float32       { return slices.Concat(p.w.floats(), p.b.floats()) }

func (p pair) solver(t testing.TB, c Config) Solver {
	t.Helper()
	s, err := New(engines(t)[0], c, p.parameters())
	if err != nil {
		t.Fatal(err)
	}
	s.SetLearningRate(0.5)
	return s
}

// after returns the pair after steps of c, the values of w and then of b.
func after(t testing.TB, c Config, steps int) []float32 {
	t.Helper()
	p := newPair()
	s := p.solver(t, c)
	for range steps {
		if err := s.Step(p.grads()); err != nil {
			t.Fatal(err)
		}
	}
	return p.floats()
}

// Each optimiser decays weights, and biases too when asked; a bias without decay
// goes as if there were none at all, which for lars is sgd.
func TestDecaySparesBiasesUnlessAskedFor(t *testing.T) {
	for _, name := range Names() {
		c := Defaults(name)
		none := after(t, c, 3)
		c.WeightDecay = 0.5
		spared := after(t, c, 3)
		c.DecayAll = true
		all := after(t, c, 3)
		if slices.Equal(spared[:2], none[:2]) || !slices.Equal(spared[2:], none[2:]) {
			t.Errorf("%s: with decay %v, without %v; want another weight and the same bias", name, spared, none)
		}
		if !slices.Equal(all[:2], all[2:]) || !slices.Equal(all[:2], spared[:2]) {
			t.Errorf("%s: decay for all gives %v, want twice %v", name, all, spared[:2])
		}
		if plain := Defaults("sgd"); name == "lars" && !slices.Equal(none, after(t, plain, 3)) {
			t.Errorf("lars without decay gives %v, sgd %v", none, after(t, plain, 3))
		}
	}
}

// A factor on the biases' learning rate is that learning rate.
func TestBiasLearningRate(t *testing.T) {
	for _, name := range Names() {
		c := Defaults(name)
		c.WeightDecay, c.DecayAll = 0.1, true
		c.BiasLR = 4
		p := newPair()
		s := p.solver(t, c)
		c.BiasLR = 1
		q := newPair()
		same := q.solver(t, c)
		same.SetLearningRate(4 * 0.5)
		for range 3 {
			if err := errors.Join(s.Step(p.grads()), same.Step(q.grads())); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(p.w.floats(), after(t, c, 3)[:2]) || !slices.Equal(p.b.floats(), q.b.floats()) {
			t.Errorf("%s: weight %v, bias %v; want %v, %v", name, p.w.floats(), p.b.floats(), after(t, c, 3)[:2], q.b.floats())
		}
	}
}

// Clipping equals a step by gradients that were scaled beforehand, and the norm
// told is the one before. The gradients themselves are left alone.
func TestClipping(t *testing.T) {
	norm := math.Sqrt(2 * (0.5*0.5 + 0.25*0.25))
	for _, name := range Names() {
		for _, greatest := range []float64{norm / 8, 2 * norm} {
			c := Defaults(name)
			c.WeightDecay = 0.1
			p, q := newPair(), newPair()
			scaled := q.solver(t, c)
			c.ClipNorm = greatest
			clipped := p.solver(t, c)
			factor := min(1, greatest/(norm+1e-6))
			for _, parameter := range []*parameter{q.w, q.b} {
				g := parameter.grad.Data().([]float32)
				for i := range g {
					g[i] = float32(factor * float64(g[i]))
				}
			}
			for range 3 {
				u, err := clipped.Prepare(p.grads())
				if err != nil {
					t.Fatal(err)
				}
				if math.Abs(u.Norm-norm) > 1e-6 {
					t.Fatalf("norm %v, want %v", u.Norm, norm)
				}
				clipped.Apply(u)
				if err := scaled.Step(q.grads()); err != nil {
					t.Fatal(err)
				}
			}
			numtest.Close(t, name, p.floats(), q.floats(), numtest.Tolerance{Relative: 1e-6})
			if g := p.w.grad.Data().([]float32); g[0] != 0.5 || g[1] != 0.25 {
				t.Errorf("%s: the gradient became %v", name, g)
			}
		}
	}
}

// Step clips too, and a parameter's gradient is clipped by all parameters' norm.
func TestStepClips(t *testing.T) {
	for _, name := range Names() {
		c := Defaults(name)
		c.WeightDecay, c.ClipNorm = 0.1, 0.01
		p := newPair()
		s := p.solver(t, c)
		for range 3 {
			u, err := s.Prepare(p.grads())
			if err != nil {
				t.Fatal(err)
			}
			s.Apply(u)
		}
		if got := after(t, c, 3); !slices.Equal(got, p.floats()) {
			t.Errorf("%s: Step gives %v, Prepare and Apply %v", name, got, p.floats())
		}
	}
}

func TestRestoredStateContinuesExactly(t *testing.T) {
	for _, name := range Names() {
		c := Defaults(name)
		c.WeightDecay, c.ClipNorm, c.Nesterov, c.BiasLR = 1e-2, 0.5, true, 2
		run := func(from, to int, s Solver, p pair) {
			for n := from; n < to; n++ {
				s.SetLearningRate(0.1 / float64(n+1))
				if err := s.Step(p.grads()); err != nil {
					t.Fatal(err)
				}
			}
		}
		p := newPair()
		whole := p.solver(t, c)
		run(0, 2, whole, p)
		var saved []State
		for _, s := range whole.State() {
			saved = append(saved, State{s.Name, s.Shape, slices.Clone(s.Data)})
		}
		q := newPair()
		copy(q.w.floats(), p.w.floats())
		copy(q.b.floats(), p.b.floats())
		second := q.solver(t, c)
		run(0, 1, second, newPair()) // something to overwrite
		if err := second.Restore(saved); err != nil {
			t.Fatal(err)
		}
		run(2, 5, whole, p)
		run(2, 5, second, q)
		if !slices.Equal(p.floats(), q.floats()) {
			t.Errorf("%s: %v, and %v after resuming", name, p.floats(), q.floats())
		}
	}
}

func TestRestoreRefusesForeignState(t *testing.T) {
	good := func() []State {
		return []State{
			{"w.exp_avg", []int{2}, []float32{1, 2}}, {"w.exp_avg_sq", []int{2}, []float32{3, 4}},
			{"b.exp_avg", []int{2}, []float32{5, 6}}, {"b.exp_avg_sq", []int{2}, []float32{7, 8}},
			{"step", []int{1}, []float32{9}},
		}
	}
	s := newPair().solver(t, Defaults("adamw"))
	for name, spoil := range map[string]func([]State) []State{
		"missing":        func(s []State) []State { return s[1:] },
		"size":           func(s []State) []State { s[0].Data = s[0].Data[:1]; return s },
		"unknown":        func(s []State) []State { return append(s, State{Name: "x.exp_avg"}) },
		"another's":      func([]State) []State { return newPair().solver(t, Defaults("sgd")).State() },
		"count missing":  func(s []State) []State { return s[:4] },
		"count empty":    func(s []State) []State { s[4].Data = nil; return s },
		"count below 0":  func(s []State) []State { s[4].Data[0] = -1; return s },
		"count and half": func(s []State) []State { s[4].Data[0] = 1.5; return s },
		"count NaN":      func(s []State) []State { s[4].Data[0] = float32(math.NaN()); return s },
		"count endless":  func(s []State) []State { s[4].Data[0] = float32(math.Inf(1)); return s },
	} {
		if err := s.Restore(spoil(good())); fault.Of(err) != fault.Checkpoint || err == nil {
			t.Errorf("%s: error %v", name, err)
		}
		for _, own := range s.State() {
			if own.Data[0] != 0 {
				t.Errorf("%s: %s was changed all the same", name, own.Name)
			}
		}
	}
	if err := s.Restore(good()); err != nil || s.State()[2].Data[1] != 6 || s.State()[4].Data[0] != 9 {
		t.Errorf("good state: %v, %v", err, s.State())
	}
}

// The count stops where float32 could not tell it from the next.
func TestCountStops(t *testing.T) {
	p := newPair()
	s := p.solver(t, Defaults("adamw"))
	count := s.State()[len(s.State())-1]
	count.Data[0] = maxCount - 1
	for range 3 {
		if err := s.Step(p.grads()); err != nil {
			t.Fatal(err)
		}
	}
	if count.Data[0] != maxCount || !isCount(count.Data[0]) {
		t.Errorf("the count is %v", count.Data[0])
	}
}

func TestStepErrors(t *testing.T) {
	for _, name := range Names() {
		p := newPair()
		s := p.solver(t, Defaults(name))
		before := p.floats()
		if err := s.Step(p.grads()[:1]); err == nil {
			t.Error("a step with a gradient too few passed")
		}
		if err := s.Step([]G.ValueGrad{p.b, p.w}); err == nil {
			t.Error("a step with gradients in another order passed")
		}
		p.b.grad = tensor.New(tensor.WithShape(3), tensor.Of(tensor.Float32))
		if _, err := s.Prepare(p.grads()); err == nil || !strings.Contains(err.Error(), "3 gradients") {
			t.Errorf("a gradient of another size gives %v", err)
		}
		p.b.grad = nil
		if err := s.Step(p.grads()); err == nil || !strings.Contains(err.Error(), "parameter b") {
			t.Errorf("a missing gradient gives %v", err)
		}
		if !slices.Equal(before, p.floats()) {
			t.Errorf("%s: a refused step changed parameters", name)
		}
	}
}

func TestConfigCheck(t *testing.T) {
	for want, change := range map[string]func(*Config){
		`did you mean "adamw"?`:  func(c *Config) { c.Name = "adam" },
		"momentum is 1;":         func(c *Config) { c.Momentum = 1 },
		"nesterov needs":         func(c *Config) { c.Name, c.Nesterov, c.Momentum = "lars", true, 0 },
		"weight_decay is -1;":    func(c *Config) { c.WeightDecay = -1 },
		"bias_lr is NaN;":        func(c *Config) { c.BiasLR = math.NaN() },
		"clip_norm is +Inf;":     func(c *Config) { c.ClipNorm = math.Inf(1) },
		"beta1 is 1;":            func(c *Config) { c.Name, c.Beta1 = "adamw", 1 },
		"beta2 is -0.1;":         func(c *Config) { c.Name, c.Beta2 = "adamw", -0.1 },
		"eps is 0;":              func(c *Config) { c.Name, c.Eps = "adamw", 0 },
		"eps is 2; it must be":   func(c *Config) { c.Name, c.Eps = "lars", 2 },
		"trust is 0; it must be": func(c *Config) { c.Name, c.Trust = "lars", 0 },
	} {
		c := Defaults("sgd")
		change(&c)
		if _, err := New(engines(t)[0], c, nil); err == nil || !strings.Contains(err.Error(), want) || fault.Of(err) != fault.Usage {
			t.Errorf("error %v, want a usage error with %q", err, want)
		}
	}
}
