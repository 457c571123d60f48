package op

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"supcon/pkg/fault"
	"supcon/pkg/internal/numtest"
	"supcon/pkg/loss"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"
)

func TestPlaceKeepsWhatLivesTogetherApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var buffers []*buffer
		total, most := 0, map[int]int{}
		for range rapid.IntRange(1, 30).Draw(t, "buffers") {
			first := rapid.IntRange(0, 20).Draw(t, "first")
			b := &buffer{
				shape: tensor.Shape{rapid.IntRange(1, 100).Draw(t, "size")},
				first: first, last: first + rapid.IntRange(0, 8).Draw(t, "life"),
			}
			buffers = append(buffers, b)
			total += b.size()
			for at := b.first; at <= b.last; at++ {
				most[at] += b.size()
			}
		}
		length := place(buffers)
		for i, a := range buffers {
			if a.at%lane != 0 || a.at+a.size() > length {
				t.Fatalf("a buffer of %d at %d in an arena of %d", a.size(), a.at, length)
			}
			for _, b := range buffers[:i] {
				if a.first <= b.last && b.first <= a.last && a.at < b.at+b.size() && b.at < a.at+a.size() {
					t.Fatalf("%+v and %+v live at the same time in the same place", a, b)
				}
			}
		}
		for _, least := range most {
			if length < least || length > total {
				t.Fatalf("an arena of %d where %d live at once and there are %d in all", length, least, total)
			}
		}
	})
}

// deep is a chain of residual units: forks, side results, and memory that is
// reused many times.
func deep(t *testing.T) (g *Graph, results []*G.Node) {
	t.Helper()
	const rows, c, depth = 6, 4, 6
	g = NewGraph(newEngine(t))
	x := g.Parameter("x", denseOf(drawn(1, rows, 2, 2, c)))
	parameters := []*G.Node{x}
	y := x
	for i := range depth {
		name := string(rune('a' + i))
		w := g.Parameter(name+".w", denseOf(drawn(uint64(i), 3, 3, c, c)))
		gamma, beta := g.Parameter(name+".gamma", denseOf(drawn(20+uint64(i), c))), g.Parameter(name+".beta", denseOf(drawn(40+uint64(i), c)))
		parameters = append(parameters, w, gamma, beta)
		y = g.BatchNorm(name+".norm", g.Conv(name+".conv", y, w, Geometry{1, 1}), gamma, beta, y, NewNormState(c), true)
	}
	z := g.L2Normalize("z", g.GlobalAvgPool("pool", y))
	l, _ := g.Contrastive("loss", z, g.bound([]int{0, 1, 2, 0, 1, 2}), loss.Config{Variant: loss.SupCon, Temperature: 0.5})
	return g, append([]*G.Node{l, z}, g.Gradients(l, parameters...)...)
}

func TestPlannedMemoryGivesTheSameBits(t *testing.T) {
	g, results := deep(t)
	want := execute(t, g, "Do", results...)
	g, results = deep(t)
	for i, got := range execute(t, g, "machine", results...) {
		if !slices.Equal(got, want[i]) {
			t.Errorf("result %d: relative error %v", i, numtest.RelError(got, want[i]))
		}
	}
}

func TestPlanReusesMemory(t *testing.T) {
	g, results := deep(t)
	g.Keep(results...)
	m, err := g.Compile()
	if err != nil {
		t.Fatal(err)
	}
	var all int64
	for _, o := range g.ops {
		if o.result != nil {
			all += int64(o.result.size()) * 4
		}
	}
	if m.Bytes() > all*3/4 {
		t.Errorf("an arena of %d bytes for results of %d", m.Bytes(), all)
	}
}

// plain is a chain of units without residuals, whose outputs can be made again.
func plain(t *testing.T, recompute bool) (g *Graph, results []*G.Node, state *NormState) {
	t.Helper()
	g = NewGraph(newEngine(t))
	if recompute {
		g.Recompute()
	}
	state = NewNormState(4)
	y := g.Input("x", 6, 8, 8, 4)
	if err := Bind(y, drawn(1, 6, 8, 8, 4).Float32()); err != nil {
		t.Fatal(err)
	}
	var parameters []*G.Node
	for i := range 5 {
		name := string(rune('a' + i))
		w := g.Parameter(name+".w", denseOf(drawn(uint64(i), 3, 3, 4, 4)))
		gamma, beta := g.Parameter(name+".gamma", denseOf(drawn(20+uint64(i), 4))), g.Parameter(name+".beta", denseOf(drawn(40+uint64(i), 4)))
		parameters = append(parameters, w, gamma, beta)
		y = g.BatchNorm(name+".norm", g.Conv(name+".conv", y, w, Geometry{1, 1}), gamma, beta, nil, state, true)
	}
	return g, g.Gradients(g.against(g.GlobalAvgPool("pool", y), drawn(9, 6, 4)), parameters...), state
}

func TestRecomputingSavesMemoryAndChangesNothing(t *testing.T) {
	g, results, state := plain(t, false)
	want := execute(t, g, "machine", results...)
	again, resultsAgain, stateAgain := plain(t, true)
	for i, got := range execute(t, again, "machine", resultsAgain...) {
		numtest.Close(t, resultsAgain[i].Name(), got, want[i], numtest.LayerFloat32)
	}
	if stateAgain.Batches != state.Batches || !slices.Equal(stateAgain.Mean, state.Mean) {
		t.Error("the running statistics saw a batch twice")
	}
	whole, err := g.Compile()
	if err != nil {
		t.Fatal(err)
	}
	saving, err := again.Compile()
	if err != nil {
		t.Fatal(err)
	}
	if saving.Bytes() > whole.Bytes()*4/5 {
		t.Errorf("%d bytes with recomputing, %d without", saving.Bytes(), whole.Bytes())
	}
}

func TestRunsRepeat(t *testing.T) {
	g, results := deep(t)
	first := execute(t, g, "machine", results...)
	m, err := g.Compile()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := m.Run(); err != nil {
			t.Fatal(err)
		}
		for i, n := range results[1:] {
			if x, _ := Float32s(n); !slices.Equal(x, first[i+1]) {
				t.Errorf("result %d differs on a later run", i)
			}
		}
	}
}

func TestAnotherOrderThanPlannedIsRefused(t *testing.T) {
	g, results := deep(t)
	g.Keep(results...)
	m, err := g.Compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range g.ops {
		if o.position < 2 {
			o.position = 1 - o.position
		}
	}
	if err := m.Run(); err == nil || !strings.Contains(err.Error(), "order") {
		t.Errorf("error %v", err)
	}
}

func TestTimingsNameEveryOperation(t *testing.T) {
	g, results := deep(t)
	g.Keep(results...)
	m, err := g.Compile()
	if err != nil {
		t.Fatal(err)
	}
	m.SetTiming(true)
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	timings := m.Timings()
	if timings[0].Name != "a.conv" || timings[0].FLOPs != 2*9*4*4*6*4 || timings[0].Elapsed <= 0 {
		t.Errorf("the first operation: %+v", timings[0])
	}
	if last := timings[len(timings)-1]; last.Kind != "add" || last.Elapsed <= 0 {
		t.Errorf("the additions at forks: %+v", last)
	}
}

func TestBuildErrors(t *testing.T) {
	for what, c := range map[string]struct {
		build func(g *Graph)
		want  string
	}{
		"channels":    {func(g *Graph) { g.Conv("c", g.Input("x", 1, 4, 4, 3), g.Input("w", 3, 3, 2, 5), Geometry{1, 1}) }, "3 channels"},
		"dimensions":  {func(g *Graph) { g.Conv("c", g.Input("x", 4, 3), g.Input("w", 3, 3, 2, 5), Geometry{1, 1}) }, "4 dimensions"},
		"filter":      {func(g *Graph) { g.Conv("c", g.Input("x", 1, 2, 2, 3), g.Input("w", 5, 5, 3, 5), Geometry{1, 0}) }, "does not fit"},
		"pooling":     {func(g *Graph) { g.MaxPool("p", g.Input("x", 1, 1, 1, 3), 2, Geometry{2, 0}) }, "does not fit"},
		"same name":   {func(g *Graph) { g.ReLU("x", g.Input("x", 2, 2)) }, "taken"},
		"same input":  {func(g *Graph) { g.Input("x", 1); g.Input("x", 1) }, "taken"},
		"bias":        {func(g *Graph) { g.Linear("l", g.Input("x", 2, 3), g.Input("w", 3, 4), g.Input("b", 3)) }, "[4]"},
		"weight":      {func(g *Graph) { g.Linear("l", g.Input("x", 2, 3), g.Input("w", 2, 4), g.Input("b", 4)) }, "[3 4]"},
		"residual":    {func(g *Graph) { g.norm("n", g.Input("r", 2, 4)) }, "residual"},
		"statistics":  {func(g *Graph) { g.normOf("n", NewNormState(2)) }, "running statistics"},
		"labels":      {func(g *Graph) { g.CrossEntropy("l", g.Input("x", 2, 3), g.Integers("y", 3)) }, "2 integers"},
		"not integer": {func(g *Graph) { g.CrossEntropy("l", g.Input("x", 2, 3), g.Input("y", 2)) }, "2 integers"},
		"missing":     {func(g *Graph) { g.ReLU("r", nil) }, "missing"},
		"parameter":   {func(g *Graph) { g.Parameter("p", tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(2))) }, "float32"},
		"no gradient": {func(g *Graph) {
			x := g.Parameter("p", denseOf(drawn(1, 1, 4, 4, 1)))
			w, b := g.Parameter("w", denseOf(drawn(1, 1, 1, 1, 1))), g.Parameter("b", denseOf(drawn(1, 1)))
			g.Gradients(g.against(g.ConvInference("c", x, w, b, nil, Geometry{1, 0}, false), drawn(1, 1, 4, 4, 1)), x)
		}, "gradient"},
	} {
		t.Run(what, func(t *testing.T) {
			g := NewGraph(newEngine(t))
			c.build(g)
			if g.Err() == nil || !strings.Contains(g.Err().Error(), c.want) {
				t.Errorf("error %v, want one about %q", g.Err(), c.want)
			}
			if n := g.ReLU("later", g.Input("fine", 2)); n != nil {
				t.Error("building went on after the error")
			}
			if _, err := g.Compile(); !errors.Is(err, g.Err()) {
				t.Errorf("Compile: %v", err)
			}
		})
	}
}

func (g *Graph) norm(name string, residual *G.Node) *G.Node {
	return g.BatchNorm(name, g.Input("x", 2, 3), g.Input("gamma", 3), g.Input("beta", 3), residual, NewNormState(3), true)
}

func (g *Graph) normOf(name string, s *NormState) *G.Node {
	return g.BatchNorm(name, g.Input("x", 2, 3), g.Input("gamma", 3), g.Input("beta", 3), nil, s, true)
}

// Wrong values, panics and failed operations come back as errors, on both paths.
func TestRunErrors(t *testing.T) {
	g := NewGraph(newEngine(t))
	x := g.Parameter("x", denseOf(drawn(1, 2, 3)))
	y := g.ops[g.Linear("y", x, g.Parameter("w", denseOf(drawn(2, 3, 4))), g.Parameter("b", denseOf(drawn(3, 4))))]
	of := func(shape ...int) *tensor.Dense { return denseOf(drawn(1, shape...)) }
	good := []G.Value{of(2, 3), of(3, 4), of(4)}
	for what, in := range map[string][]G.Value{
		"too few":     good[:2],
		"shape":       {of(3, 2), good[1], good[2]},
		"type":        {tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(2, 3)), good[1], good[2]},
		"scalar":      {G.NewF32(1), good[1], good[2]},
		"transposed":  {transposed(t, of(3, 2)), good[1], good[2]},
		"not a value": {nil, good[1], good[2]},
	} {
		if _, err := y.Do(in...); err == nil || !strings.Contains(err.Error(), "y") {
			t.Errorf("Do, %s: error %v", what, err)
		}
		if _, err := y.UsePreallocDo(of(2, 4), in...); err == nil {
			t.Errorf("UsePreallocDo, %s: no error", what)
		}
	}
	for what, p := range map[string]G.Value{"shape": of(4, 2), "scalar": G.NewF32(0)} {
		if _, err := y.UsePreallocDo(p, good...); err == nil {
			t.Errorf("output of another %s passed", what)
		}
	}
	if _, err := y.Do(good...); err != nil {
		t.Errorf("good inputs: %v", err)
	}
	broken := g.ops[g.add("broken", spec{kind: "panic", compute: func([]float32, arguments) error { panic("out of range") }}, x)]
	if _, err := broken.Do(of(2, 3)); err == nil || !strings.Contains(err.Error(), "out of range") {
		t.Errorf("a panic gives %v", err)
	}
}

func transposed(t *testing.T, d *tensor.Dense) *tensor.Dense {
	t.Helper()
	if err := d.T(); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestMachineReportsTheCause(t *testing.T) {
	g := NewGraph(newEngine(t))
	z := g.L2Normalize("z", g.Parameter("x", denseOf(drawn(1, 4, 3))))
	labels := g.Integers("groups", 4)
	g.Contrastive("loss", z, labels, loss.Config{Variant: loss.SupCon, Temperature: 1})
	m, err := g.Compile()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Run(); err == nil || !strings.Contains(err.Error(), "groups") {
		t.Errorf("an unbound input: %v", err)
	}
	if err := BindIntegers(labels, []int{1, 2, 3}); err == nil {
		t.Error("three labels for four rows passed")
	}
	if err := Bind(z, make([]float32, 3)); err == nil {
		t.Error("three values for twelve passed")
	}
	if err := BindIntegers(labels, []int{1, 2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	if err := m.Run(); !errors.Is(err, loss.ErrNoPositives) {
		t.Errorf("error %v, want ErrNoPositives", err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestLossConfigurationErrorKeepsItsKind(t *testing.T) {
	g := NewGraph(newEngine(t))
	g.Contrastive("loss", g.Input("z", 4, 3), g.Integers("groups", 4), loss.Config{Variant: loss.SupCon})
	if fault.Of(g.Err()) != fault.Usage {
		t.Errorf("error %v", g.Err())
	}
}
