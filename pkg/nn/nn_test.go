package nn

import (
	"math"
	"slices"
	"testing"

	"supcon/pkg/fault"
	"supcon/pkg/internal/numtest"
	"supcon/pkg/kernel"
	"supcon/pkg/random"

	G "gorgonia.org/gorgonia"
)

func engine(t testing.TB) *kernel.Engine {
	t.Helper()
	e, err := kernel.New(kernel.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func fill(x []float32, seed uint64, from, to float64) {
	rng := random.New(seed, random.Bench)
	for i := range x {
		x[i] = float32(from + (to-from)*rng.Float64())
	}
}

// unit is a ConvNorm in which nothing is at its starting value.
func unit(p *Params, relu bool) *ConvNorm {
	u := &ConvNorm{Conv: NewConv(p, "conv", 3, 5, 7, 1, 1), Norm: NewBatchNorm(p, "bn", 7), ReLU: relu}
	fill(u.Norm.gamma.Value.Float32s(), 1, -2, 2)
	fill(u.Norm.beta.Value.Float32s(), 2, -1, 1)
	fill(u.Norm.state.Mean, 3, -1, 1)
	fill(u.Norm.state.Variance, 4, 0.01, 3)
	return u
}

func TestFoldedInferenceEqualsUnfolded(t *testing.T) {
	e := engine(t)
	for _, relu := range []bool{false, true} {
		for _, withResidual := range []bool{false, true} {
			u := unit(NewParams(1), relu)
			s := kernel.ConvShape{N: 2, H: 6, W: 6, C: 5, K: 7, R: 3, S: 3, Stride: 1, Pad: 1}
			x, residual := make([]float32, 2*6*6*5), make([]float32, 2*6*6*7)
			fill(x, 5, -1, 1)
			fill(residual, 6, -1, 1)

			g := NewInference(e)
			input, added := g.Input("x", 2, 6, 6, 5), (*G.Node)(nil)
			if withResidual {
				added = g.Input("residual", 2, 6, 6, 7)
				if err := G.Let(added, dense(residual, 2, 6, 6, 7)); err != nil {
					t.Fatal(err)
				}
			}
			y := u.Forward(g, input, added)
			g.Keep(y)
			machine, err := g.Compile()
			if err != nil {
				t.Fatal(err)
			}
			g.Refresh()
			got := run(t, machine, input, numtest.Array{Data: widen(x)}, y)

			conv, err := e.NewConv(s)
			if err != nil {
				t.Fatal(err)
			}
			want := make([]float32, len(residual))
			conv.Forward(want, x, u.Conv.weight.Value.Float32s(), kernel.Epilogue{})
			if !withResidual {
				residual = nil
			}
			norm := kernel.NormShape{Rows: 2 * 6 * 6, C: 7, Eps: 1e-5, ReLU: relu}
			e.BatchNormInference(norm, want, want, residual, u.Norm.gamma.Value.Float32s(), u.Norm.beta.Value.Float32s(), u.Norm.state.Mean, u.Norm.state.Variance)
			numtest.Close(t, "folded", got, want, numtest.LayerFloat32)
		}
	}
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func TestInitialValues(t *testing.T) {
	p := NewParams(5)
	conv, norm, linear := NewConv(p, "conv", 3, 16, 64, 1, 1), NewBatchNorm(p, "bn", 64), NewLinear(p, "head", 100, 50)
	var mean, square float64
	w := conv.weight.Value.Float32s()
	for _, x := range w {
		mean += float64(x) / float64(len(w))
		square += float64(x) * float64(x) / float64(len(w))
	}
	if want := 2. / (64 * 9); math.Abs(square/want-1) > 0.05 || math.Abs(mean) > 0.1*math.Sqrt(want) {
		t.Errorf("filters: mean %v and mean square %v, want 0 and %v", mean, square, want)
	}
	for name, x := range map[string][]float32{"weight": linear.weight.Value.Float32s(), "bias": linear.bias.Value.Float32s()} {
		low, high := slices.Min(x), slices.Max(x)
		if low < -0.1 || low > -0.085 || high > 0.1 || high < 0.085 { // nearly reached by 50 draws or more
			t.Errorf("linear %s in %v…%v, want U(−0.1, 0.1)", name, low, high)
		}
	}
	if g, b := norm.gamma.Value.Float32s(), norm.beta.Value.Float32s(); slices.Min(g) != 1 || slices.Max(g) != 1 || slices.Max(b) != 0 || slices.Min(b) != 0 {
		t.Errorf("norm starts at %v, %v", g, b)
	}
	for _, d := range p.All() {
		if want := d == conv.weight || d == linear.weight; d.Decay != want {
			t.Errorf("%s: weight decay %v", d.Name, d.Decay)
		}
	}
}

func TestSeedDecidesTheValues(t *testing.T) {
	draw := func(seed uint64) []float32 { return NewLinear(NewParams(seed), "l", 8, 8).weight.Value.Float32s() }
	if !slices.Equal(draw(1), draw(1)) {
		t.Error("the same seed gives other values")
	}
	if slices.Equal(draw(1), draw(2)) {
		t.Error("another seed gives the same values")
	}
	p := NewParams(1)
	if a, b := NewLinear(p, "a", 8, 8), NewLinear(p, "b", 8, 8); slices.Equal(a.weight.Value.Float32s(), b.weight.Value.Float32s()) {
		t.Error("two layers have the same values")
	}
}

func TestStateGoesThereAndBack(t *testing.T) {
	p, q := NewParams(1), NewParams(2)
	u, v := unit(p, true), &ConvNorm{Conv: NewConv(q, "conv", 3, 5, 7, 1, 1), Norm: NewBatchNorm(q, "bn", 7), ReLU: true}
	u.Norm.state.Batches = 1234567
	if err := q.Load(p.State()); err != nil {
		t.Fatal(err)
	}
	if v.Norm.state.Batches != 1234567 || !slices.Equal(v.Norm.state.Variance, u.Norm.state.Variance) ||
		!slices.Equal(v.Conv.weight.Value.Float32s(), u.Conv.weight.Value.Float32s()) {
		t.Error("the state changed on its way")
	}
	var names []string
	for _, s := range p.State() {
		names = append(names, s.Name)
	}
	if want := []string{"conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "bn.num_batches_tracked"}; !slices.Equal(names, want) {
		t.Errorf("names %v, want %v", names, want)
	}
	wrong := p.State()
	wrong[0].Shape = []int{3, 3, 7, 5} // as many values, another meaning
	before := slices.Clone(v.Conv.weight.Value.Float32s())
	if err := q.Load(wrong); fault.Of(err) != fault.Checkpoint || err == nil {
		t.Errorf("a transposed filter: error %v", err)
	}
	if !slices.Equal(before, v.Conv.weight.Value.Float32s()) {
		t.Error("a refused state changed the model")
	}
}

func TestGradientBeforeTheFirstRun(t *testing.T) {
	g := NewTraining(engine(t))
	p := NewParams(1)
	l := NewLinear(p, "l", 3, 2)
	loss, _ := g.CrossEntropy("loss", l.Forward(g, g.Input("x", 4, 3)), g.Integers("labels", 4))
	for _, d := range g.Differentiate(loss, p.All()) {
		if _, err := d.Grad(); err == nil {
			t.Errorf("%s has a gradient before the graph has run", d.Name())
		}
	}
}

// inferred runs a unit that stands behind the input x (shape) in an inference graph.
func inferred(t *testing.T, e *kernel.Engine, x []float32, shape []int, forward func(g *Graph, x *G.Node) *G.Node) []float32 {
	t.Helper()
	g := NewInference(e)
	input := g.Input("x", shape...)
	y := forward(g, input)
	g.Keep(y)
	machine, err := g.Compile()
	if err != nil {
		t.Fatal(err)
	}
	g.Refresh()
	return run(t, machine, input, numtest.Array{Data: widen(x)}, y)
}

func TestPooledInferenceEqualsUnfolded(t *testing.T) {
	e := engine(t)
	p := NewParams(1)
	u := &ConvNorm{Conv: NewConv(p, "conv", 3, 5, 7, 1, 1), Norm: NewShiftNorm(p, "bn", 7), ReLU: true, Pool: true}
	fill(u.Norm.beta.Value.Float32s(), 2, -1, 1)
	fill(u.Norm.state.Mean, 3, -1, 1)
	fill(u.Norm.state.Variance, 4, 0.01, 3)
	x := make([]float32, 2*6*6*5)
	fill(x, 5, -1, 1)
	got := inferred(t, e, x, []int{2, 6, 6, 5}, func(g *Graph, x *G.Node) *G.Node { return u.Forward(g, x, nil) })

	conv, err := e.NewConv(kernel.ConvShape{N: 2, H: 6, W: 6, C: 5, K: 7, R: 3, S: 3, Stride: 1, Pad: 1})
	if err != nil {
		t.Fatal(err)
	}
	y, want := make([]float32, 2*6*6*7), make([]float32, 2*3*3*7)
	conv.Forward(y, x, u.Conv.weight.Value.Float32s(), kernel.Epilogue{})
	e.MaxPoolForward(kernel.PoolShape{N: 2, H: 6, W: 6, C: 7, Size: 2, Stride: 2}, want, y, make([]uint8, len(want)))
	norm := kernel.NormShape{Rows: 2 * 3 * 3, C: 7, Eps: 1e-5, ReLU: true}
	e.BatchNormInference(norm, want, want, nil, filled(7, 1), u.Norm.beta.Value.Float32s(), u.Norm.state.Mean, u.Norm.state.Variance)
	numtest.Close(t, "pooled", got, want, numtest.LayerFloat32)
}

func TestFoldedLinearNormEqualsUnfolded(t *testing.T) {
	e := engine(t)
	for _, relu := range []bool{false, true} {
		p := NewParams(1)
		u := &LinearNorm{Linear: NewLinear(p, "l", 5, 7), Norm: NewBatchNorm(p, "bn", 7), ReLU: relu}
		fill(u.Norm.gamma.Value.Float32s(), 1, -2, 2)
		fill(u.Norm.beta.Value.Float32s(), 2, -1, 1)
		fill(u.Norm.state.Mean, 3, -1, 1)
		fill(u.Norm.state.Variance, 4, 0.01, 3)
		x := make([]float32, 3*5)
		fill(x, 5, -1, 1)
		got := inferred(t, e, x, []int{3, 5}, u.Forward)

		want := make([]float32, 3*7)
		e.Gemm(kernel.GemmShape{M: 3, N: 7, K: 5}, want, x, u.Linear.weight.Value.Float32s())
		e.AddBias(3, 7, want, u.Linear.bias.Value.Float32s())
		norm := kernel.NormShape{Rows: 3, C: 7, Eps: 1e-5, ReLU: relu}
		e.BatchNormInference(norm, want, want, nil, u.Norm.gamma.Value.Float32s(), u.Norm.beta.Value.Float32s(), u.Norm.state.Mean, u.Norm.state.Variance)
		numtest.Close(t, "linear", got, want, numtest.LayerFloat32)
	}
}

func filled(n int, v float32) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = v
	}
	return s
}
