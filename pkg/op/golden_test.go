package op

import (
	"testing"

	"supcon/pkg/internal/numtest"
	"supcon/pkg/kernel"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// layerCase is one case of layers.json.
type layerCase struct {
	Op                      string
	Stride, Padding, Kernel int
	X, Weight, Bias, Dy, Y  numtest.Array
	Dx, Dweight, Dbias      numtest.Array
	Labels                  []int
}

// result names a value to compare.
type result struct {
	what string
	node *G.Node
	want numtest.Array
}

func TestGoldenLayers(t *testing.T) {
	var golden struct{ Cases []layerCase }
	numtest.Golden(t, "layers.json", &golden)
	if len(golden.Cases) == 0 {
		t.Fatal("no case in the file")
	}
	everyEngine(t, func(t *testing.T, e *kernel.Engine) {
		for i, c := range golden.Cases {
			for _, path := range paths {
				t.Run(c.Op+string(rune('a'+i))+"/"+path, func(t *testing.T) {
					g := NewGraph(e)
					results := c.build(t, g)
					var nodes []*G.Node
					for _, r := range results {
						nodes = append(nodes, r.node)
					}
					for k, got := range execute(t, g, path, nodes...) {
						numtest.Close(t, results[k].what, got, results[k].want.Data, numtest.LayerFloat32)
					}
				})
			}
		}
	})
}

// build makes the graph of a case and says what its nodes should hold.
func (c layerCase) build(t *testing.T, g *Graph) []result {
	x := g.Parameter("x", denseOf(c.X.ChannelsLast()))
	var y, loss *G.Node
	parameters := []*G.Node{x}
	parameter := func(name string, a numtest.Array) *G.Node {
		parameters = append(parameters, g.Parameter(name, denseOf(a)))
		return parameters[len(parameters)-1]
	}
	switch c.Op {
	case "conv2d":
		w := parameter("w", c.Weight.Filter())
		if len(c.Bias.Data) == 0 {
			y = g.Conv("y", x, w, Geometry{c.Stride, c.Padding})
		} else {
			y = g.convWithBias(x, w, parameter("b", c.Bias), Geometry{c.Stride, c.Padding})
		}
	case "max_pool2d":
		y = g.MaxPool("y", x, c.Kernel, Geometry{c.Stride, c.Padding})
	case "global_avg_pool":
		y = g.GlobalAvgPool("y", x)
	case "linear":
		y = g.Linear("y", x, parameter("w", c.Weight.Filter()), parameter("b", c.Bias))
	case "l2_normalize_rows":
		y = g.L2Normalize("y", x)
	case "cross_entropy_mean":
		labels := g.Integers("labels", len(c.Labels))
		loss, _ = g.CrossEntropy("y", x, labels)
		y = loss
		if err := BindIntegers(labels, c.Labels); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatalf("no operation for %q", c.Op)
	}
	if loss == nil {
		loss = g.against(y, c.Dy.ChannelsLast())
	}
	grads := g.Gradients(loss, parameters...)
	if g.Err() != nil {
		t.Fatal(g.Err())
	}
	results := []result{{"y", y, c.Y.ChannelsLast()}, {"dx", grads[0], c.Dx.ChannelsLast()}}
	for i, want := range []numtest.Array{c.Dweight.Filter(), c.Dbias}[:len(parameters)-1] {
		results = append(results, result{[]string{"dweight", "dbias"}[i], grads[i+1], want})
	}
	return results
}

// convWithBias adds a bias to a convolution through a linear layer of the
// pixels with the identity, since training convolutions have none.
func (g *Graph) convWithBias(x, w, b *G.Node, geometry Geometry) *G.Node {
	y := g.Conv("conv", x, w, geometry)
	if g.Err() != nil {
		return nil
	}
	s := y.Shape()
	k := s[3]
	identity := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(k, k))
	for i := range k {
		identity.Float32s()[i*k+i] = 1
	}
	flat := g.reshape("flat", y, s.TotalSize()/k, k)
	return g.reshape("y", g.Linear("bias", flat, g.Parameter("identity", identity), b), s...)
}

func (g *Graph) reshape(name string, x *G.Node, shape ...int) *G.Node {
	if !g.ready(name, x) {
		return nil
	}
	move := func(out []float32, in arguments) error { copy(out, in.floats[0]); return nil }
	return g.add(name, spec{kind: "reshape", shape: shape, compute: move,
		diff: func(in G.Nodes, _, dy *G.Node) G.Nodes {
			return G.Nodes{g.add(name+".dx", spec{kind: "reshape dx", shape: in[0].Shape(), compute: move}, dy)}
		}}, x)
}

// normCase is one case of batchnorm.json.
type normCase struct {
	Name            string
	Shape           []int
	Weight, Bias    numtest.Array
	RunningMeanInit numtest.Array `json:"running_mean_init"`
	RunningVarInit  numtest.Array `json:"running_var_init"`
	Momentum, Eps   float64
	Batches         []struct {
		X, Dy, Y, Dx, Dweight, Dbias numtest.Array
		RunningMean                  numtest.Array `json:"running_mean"`
		RunningVar                   numtest.Array `json:"running_var"`
	}
	EvalX numtest.Array `json:"eval_x"`
	EvalY numtest.Array `json:"eval_y"`
}

func TestGoldenBatchNorm(t *testing.T) {
	var golden struct{ Cases []normCase }
	numtest.Golden(t, "batchnorm.json", &golden)
	if len(golden.Cases) == 0 {
		t.Fatal("no case in the file")
	}
	everyEngine(t, func(t *testing.T, e *kernel.Engine) {
		for _, c := range golden.Cases {
			for _, path := range paths {
				t.Run(c.Name+"/"+path, func(t *testing.T) { c.check(t, e, path) })
			}
		}
	})
}

func (c normCase) check(t *testing.T, e *kernel.Engine, path string) {
	state := &NormState{Mean: c.RunningMeanInit.Float32(), Variance: c.RunningVarInit.Float32(), Momentum: c.Momentum, Eps: c.Eps}
	for i, b := range c.Batches {
		g := NewGraph(e)
		x := g.Parameter("x", denseOf(b.X.ChannelsLast()))
		gamma, beta := g.Parameter("gamma", denseOf(c.Weight)), g.Parameter("beta", denseOf(c.Bias))
		y := g.BatchNorm("bn", x, gamma, beta, nil, state, false)
		grads := g.Gradients(g.against(y, b.Dy.ChannelsLast()), x, gamma, beta)
		if g.Err() != nil {
			t.Fatal(g.Err())
		}
		got := execute(t, g, path, y, grads[0], grads[1], grads[2])
		for k, want := range []numtest.Array{b.Y.ChannelsLast(), b.Dx.ChannelsLast(), b.Dweight, b.Dbias} {
			numtest.Close(t, []string{"y", "dx", "dweight", "dbias"}[k], got[k], want.Data, numtest.LayerFloat32)
		}
		numtest.Close(t, "running_mean", state.Mean, b.RunningMean.Data, numtest.LayerFloat32)
		numtest.Close(t, "running_var", state.Variance, b.RunningVar.Data, numtest.LayerFloat32)
		if state.Batches != int64(i+1) {
			t.Errorf("num_batches_tracked = %d after %d batches", state.Batches, i+1)
		}
	}
	x := c.EvalX.ChannelsLast()
	y := make([]float32, len(x.Data))
	s := kernel.NormShape{Rows: len(y) / len(c.Weight.Data), C: len(c.Weight.Data), Eps: float32(c.Eps)}
	e.BatchNormInference(s, y, x.Float32(), nil, c.Weight.Float32(), c.Bias.Float32(), state.Mean, state.Variance)
	numtest.Close(t, "eval_y", y, c.EvalY.ChannelsLast().Data, numtest.LayerFloat32)
}
