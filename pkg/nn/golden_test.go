package nn

import (
	"fmt"
	"strings"
	"testing"

	"supcon/pkg/internal/numtest"
	"supcon/pkg/kernel"
	"supcon/pkg/loss"
	"supcon/pkg/op"
	"supcon/pkg/optim"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// trajectory is one case of trajectory.json: a tiny network trained a few steps
// by PyTorch.
type trajectory struct {
	Method          string
	Temperature     float64
	BaseTemperature float64 `json:"base_temperature"`
	Arch            struct{ C1, C2, Hidden, Out int }
	SGD             struct {
		LR, Momentum float64
		WeightDecay  float64 `json:"weight_decay"`
		Nesterov     bool
	}
	StateInit  map[string]numtest.Array `json:"state_init"`
	StateFinal map[string]numtest.Array `json:"state_final"`
	Steps      []struct {
		X        numtest.Array
		Labels   []int
		Features numtest.Array
		Loss     float64
		Grads    map[string]numtest.Array
	}
	EvalX        numtest.Array `json:"eval_x"`
	EvalFeatures numtest.Array `json:"eval_features"`
}

// tiny is the network of the trajectory, under the names of its state.
type tiny struct {
	params                       *Params
	stem, first, second, project *ConvNorm
	fc1, fc2                     *Linear
}

func newTiny(c trajectory) *tiny {
	p := NewParams(1)
	unit := func(conv, norm string, size, in, out, stride int, relu bool) *ConvNorm {
		return &ConvNorm{Conv: NewConv(p, conv, size, in, out, stride, size/2), Norm: NewBatchNorm(p, norm, out), ReLU: relu}
	}
	a := c.Arch
	return &tiny{
		params:  p,
		stem:    unit("conv1", "bn1", 3, 3, a.C1, 1, true),
		first:   unit("block.conv1", "block.bn1", 3, a.C1, a.C2, 2, true),
		second:  unit("block.conv2", "block.bn2", 3, a.C2, a.C2, 1, true),
		project: unit("block.shortcut.0", "block.shortcut.1", 1, a.C1, a.C2, 2, false),
		fc1:     NewLinear(p, "fc1", a.C2, a.Hidden),
		fc2:     NewLinear(p, "fc2", a.Hidden, a.Out),
	}
}

func (n *tiny) forward(g *Graph, x *G.Node) *G.Node {
	x = g.MaxPool("pool", n.stem.Forward(g, x, nil), 2, op.Geometry{Stride: 2})
	shortcut := n.project.Forward(g, x, nil)
	x = n.second.Forward(g, n.first.Forward(g, x, nil), shortcut)
	x = g.GlobalAvgPool("mean", x)
	return g.L2Normalize("z", n.fc2.Forward(g, g.ReLU("relu", n.fc1.Forward(g, x))))
}

func tensors(state map[string]numtest.Array) []Tensor {
	var list []Tensor
	for name, a := range state {
		a = a.Filter()
		list = append(list, Tensor{name, a.Shape, a.Float32()})
	}
	return list
}

func TestGoldenTrajectory(t *testing.T) {
	var golden struct{ Cases []trajectory }
	numtest.Golden(t, "trajectory.json", &golden)
	if len(golden.Cases) == 0 {
		t.Fatal("no case in the file")
	}
	for _, branch := range kernel.Branches() {
		for _, conv := range []string{"auto", "direct"} {
			e, err := kernel.New(kernel.Options{Threads: 2, Branch: branch, Conv: conv})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range golden.Cases {
				t.Run(fmt.Sprintf("%s-%s/%s", branch, conv, c.Method), func(t *testing.T) { c.check(t, e) })
			}
		}
	}
}

func (c trajectory) check(t *testing.T, e *kernel.Engine) {
	n := newTiny(c)
	if err := n.params.Load(tensors(c.StateInit)); err != nil {
		t.Fatal(err)
	}
	c.train(t, e, n)
	for _, got := range n.params.State() {
		want, ok := c.StateFinal[got.Name]
		if !ok {
			t.Fatalf("no %s in the final state", got.Name)
		}
		numtest.Close(t, got.Name, got.Data, want.Filter().Data, numtest.LayerFloat32)
	}
	g := NewInference(e)
	x := c.EvalX.ChannelsLast()
	input := g.Input("x", x.Shape...)
	z := n.forward(g, input)
	g.Keep(z)
	machine, err := g.Compile()
	if err != nil {
		t.Fatal(err)
	}
	g.Refresh()
	numtest.Close(t, "eval_features", run(t, machine, input, x, z), c.EvalFeatures.Data, numtest.LayerFloat32)
}

// train makes the steps and compares each.
func (c trajectory) train(t *testing.T, e *kernel.Engine, n *tiny) {
	g := NewTraining(e)
	first := c.Steps[0].X.ChannelsLast()
	x, groups := g.Input("x", first.Shape...), g.Integers("groups", first.Shape[0])
	z := n.forward(g, x)
	cfg := loss.Config{Variant: loss.SupCon, Temperature: c.Temperature, BaseTemperature: c.BaseTemperature}
	if strings.EqualFold(c.Method, "SimCLR") {
		cfg.Variant = loss.SimCLR
	}
	l, value := g.Contrastive("loss", z, groups, cfg)
	gradients := g.Differentiate(l, n.params.All())
	g.Keep(z)
	machine, err := g.Compile()
	if err != nil {
		t.Fatal(err)
	}
	var params []optim.Parameter
	var steps []G.ValueGrad
	for _, d := range gradients {
		params, steps = append(params, d), append(steps, d)
	}
	// Torch's single parameter group decays everything.
	settings := optim.Defaults("sgd")
	settings.Momentum, settings.WeightDecay, settings.Nesterov, settings.DecayAll = c.SGD.Momentum, c.SGD.WeightDecay, c.SGD.Nesterov, true
	solver, err := optim.New(e, settings, params)
	if err != nil {
		t.Fatal(err)
	}
	solver.SetLearningRate(c.SGD.LR)
	for i, s := range c.Steps {
		rows := make([]int, first.Shape[0])
		loss.Groups(rows, cfg.Variant, s.Labels)
		if err := op.BindIntegers(groups, rows); err != nil {
			t.Fatal(err)
		}
		numtest.Close(t, fmt.Sprintf("step %d: features", i), run(t, machine, x, s.X.ChannelsLast(), z), s.Features.Data, numtest.LayerFloat32)
		numtest.CloseTo(t, fmt.Sprintf("step %d: loss", i), value.Loss, s.Loss, numtest.LayerFloat32)
		for _, d := range gradients {
			if want, ok := s.Grads[d.Name()]; ok {
				v, err := d.Grad()
				if err != nil {
					t.Fatal(err)
				}
				numtest.Close(t, fmt.Sprintf("step %d: gradient of %s", i, d.Name()), v.Data().([]float32), want.Filter().Data, numtest.LayerFloat32)
			}
		}
		if err := solver.Step(steps); err != nil {
			t.Fatal(err)
		}
	}
}

func run(t *testing.T, m *op.Machine, input *G.Node, x numtest.Array, out *G.Node) []float32 {
	t.Helper()
	if err := op.Bind(input, x.Float32()); err != nil {
		t.Fatal(err)
	}
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	values, err := op.Float32s(out)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func dense(x []float32, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
}
