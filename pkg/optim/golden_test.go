package optim

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"supcon/pkg/internal/numtest"
	"supcon/pkg/kernel"

	G "gorgonia.org/gorgonia"
)

// optimCase is one case of optim.json.
type optimCase struct {
	Name, Optimizer string
	Config          struct {
		Momentum    float64    `json:"momentum"`
		Nesterov    bool       `json:"nesterov"`
		WeightDecay float64    `json:"weight_decay"`
		Betas       [2]float64 `json:"betas"`
		Eps         float64    `json:"eps"`
		Trust       float64    `json:"trust_coefficient"`
	}
	LRPerStep  []float64       `json:"lr_per_step"`
	ParamsInit []numtest.Array `json:"params_init"`
	Steps      []struct {
		Grads       []numtest.Array
		ParamsAfter []numtest.Array             `json:"params_after"`
		StateAfter  []map[string]*numtest.Array `json:"state_after"` // nil where PyTorch keeps nothing
	}
}

// settings are those of the case; what it does not say is as in PyTorch.
func (c optimCase) settings() Config {
	name := strings.ToLower(c.Optimizer[strings.LastIndex(c.Optimizer, ".")+1:])
	s := Defaults(name)
	s.Momentum, s.Nesterov, s.WeightDecay = c.Config.Momentum, c.Config.Nesterov, c.Config.WeightDecay
	s.DecayAll = true // one parameter group
	if c.Config.Betas[0] != 0 {
		s.Beta1, s.Beta2 = c.Config.Betas[0], c.Config.Betas[1]
	}
	if c.Config.Eps != 0 {
		s.Eps = c.Config.Eps
	}
	if c.Config.Trust != 0 {
		s.Trust = c.Config.Trust
	}
	return s
}

var updateFloat32 = numtest.Tolerance{Relative: 1e-6, Floor: 1e-7}

func TestGolden(t *testing.T) {
	var golden struct{ Cases []optimCase }
	numtest.Golden(t, "optim.json", &golden)
	var covered []string
	for _, c := range golden.Cases {
		covered = append(covered, c.settings().Name)
		for _, e := range engines(t) {
			t.Run(fmt.Sprintf("%s/%s", c.Name, e.Branch()), func(t *testing.T) { c.check(t, e) })
		}
	}
	for _, name := range Names() {
		if !slices.Contains(covered, name) {
			t.Errorf("no case of %s in the file", name)
		}
	}
}

func (c optimCase) check(t *testing.T, e *kernel.Engine) {
	var params []Parameter
	var grads []G.ValueGrad
	for i, a := range c.ParamsInit {
		p := &parameter{name: string(rune('a' + i)), value: dense(a)}
		params, grads = append(params, p), append(grads, p)
	}
	s, err := New(e, c.settings(), params)
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
			checkState(t, s.State(), params[i].Name(), step.StateAfter[i])
		}
	}
}

// checkState compares the state of one parameter with PyTorch's.
func checkState(t *testing.T, state []State, parameter string, want map[string]*numtest.Array) {
	t.Helper()
	found := 0
	for _, s := range state {
		array, own := strings.CutPrefix(s.Name, parameter+".")
		if s.Name == countName {
			array, own = countName, true
		}
		if !own {
			continue
		}
		found++
		if w := want[array]; w != nil {
			numtest.Close(t, s.Name, s.Data, w.Data, updateFloat32)
		}
	}
	if found != len(want) {
		t.Errorf("parameter %s has %d arrays of state, want %d", parameter, found, len(want))
	}
}

// scheduleCase is one case of lr_schedule.json.
type scheduleCase struct {
	Args struct {
		LearningRate float64 `json:"learning_rate"`
		DecayRate    float64 `json:"lr_decay_rate"`
		Epochs       int
		Cosine       bool
		DecayEpochs  []int `json:"lr_decay_epochs"`
		Warm         bool
		WarmEpochs   int     `json:"warm_epochs"`
		WarmupFrom   float64 `json:"warmup_from"`
	}
	BatchesPerEpoch int `json:"batches_per_epoch"`
	Rows            []struct {
		Epoch     int
		LRBatches []float64 `json:"lr_batches"`
	}
}

func TestGoldenSchedules(t *testing.T) {
	var golden struct{ Cases []scheduleCase }
	numtest.Golden(t, "lr_schedule.json", &golden)
	for i, c := range golden.Cases {
		s := Schedule{
			Name: "step", LR: c.Args.LearningRate, Steps: c.Args.Epochs * c.BatchesPerEpoch, PerEpoch: c.BatchesPerEpoch,
			DecayRate: c.Args.DecayRate, DecayEpochs: c.Args.DecayEpochs,
		}
		if c.Args.Cosine {
			s.Name = "cosine-epoch"
		}
		if c.Args.Warm {
			s.Warmup, s.WarmupFrom = c.Args.WarmEpochs*c.BatchesPerEpoch, c.Args.WarmupFrom
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		for _, row := range c.Rows {
			for batch, want := range row.LRBatches {
				step := (row.Epoch-1)*c.BatchesPerEpoch + batch
				numtest.CloseTo(t, fmt.Sprintf("case %d (%s), epoch %d, batch %d", i, s.Name, row.Epoch, batch), s.At(step), want, numtest.Float64)
			}
		}
	}
	if len(golden.Cases) == 0 {
		t.Error("no case in the file")
	}
}
