package op

import (
	"fmt"
	"slices"
	"testing"

	"supcon/pkg/internal/numtest"
	"supcon/pkg/kernel"
	"supcon/pkg/random"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// everyEngine runs the test on each kernel branch of this machine.
func everyEngine(t *testing.T, test func(t *testing.T, e *kernel.Engine)) {
	for _, branch := range kernel.Branches() {
		for _, conv := range []string{"auto", "direct"} {
			t.Run(fmt.Sprintf("%s-%s", branch, conv), func(t *testing.T) {
				e, err := kernel.New(kernel.Options{Threads: 2, Branch: branch, Conv: conv})
				if err != nil {
					t.Fatal(err)
				}
				test(t, e)
			})
		}
	}
}

func newEngine(t testing.TB) *kernel.Engine {
	t.Helper()
	e, err := kernel.New(kernel.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func denseOf(a numtest.Array) *tensor.Dense {
	return tensor.New(tensor.WithShape(a.Shape...), tensor.WithBacking(a.Float32()))
}

// drawn returns a random array, the same for the same shape and seed.
func drawn(seed uint64, shape ...int) numtest.Array {
	rng := random.New(seed, random.Bench)
	a := numtest.Array{Shape: shape, Data: make([]float64, tensor.Shape(shape).TotalSize())}
	for i := range a.Data {
		a.Data[i] = float64(float32(rng.NormFloat64()))
	}
	return a
}

// against makes a scalar ⟨y, dy⟩ of a result, whose gradient by y is dy.
func (g *Graph) against(y *G.Node, dy numtest.Array) *G.Node {
	other := denseOf(dy).Float32s()
	return g.add("against", spec{
		kind: "dot",
		compute: func(out []float32, in arguments) error {
			out[0] = float32(numtest.Dot(in.floats[0], other))
			return nil
		},
		diff: func(in G.Nodes, _, grad *G.Node) G.Nodes {
			return G.Nodes{g.add("against.dy", spec{
				kind: "dot dy", shape: in[0].Shape(),
				compute: func(out []float32, in arguments) error {
					copy(out, other)
					scale(out, in.floats[1][0])
					return nil
				},
			}, in[0], grad)}
		},
	}, y)
}

// paths are the ways an operation is run: by a machine on the planned memory,
// into its own memory, into memory it is given, and in place where it may.
var paths = []string{"machine", "Do", "UsePreallocDo", "in place"}

// execute runs the whole graph on one path and returns the values of the wanted nodes.
func execute(t *testing.T, g *Graph, path string, want ...*G.Node) [][]float32 {
	t.Helper()
	if g.Err() != nil {
		t.Fatal(g.Err())
	}
	g.Keep(want...)
	if path == "machine" {
		m, err := g.Compile()
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Run(); err != nil {
			t.Fatal(err)
		}
		if m.adder.copied > 0 {
			t.Errorf("%d additions were not done in place", m.adder.copied)
		}
	} else {
		interpret(t, g, path)
	}
	var results [][]float32
	for _, n := range want {
		if s, ok := n.Value().(*G.F32); ok {
			results = append(results, []float32{float32(*s)})
			continue
		}
		x, err := Float32s(n)
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, slices.Clone(x))
	}
	return results
}

// interpret runs the graph's nodes one by one without gorgonia's machine.
func interpret(t *testing.T, g *Graph, path string) {
	t.Helper()
	order, err := G.Sort(g.expr)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(order)
	for _, n := range order {
		if n.Op() == nil {
			continue
		}
		var inputs []G.Value
		for _, child := range g.children(n) {
			inputs = append(inputs, child.Value())
		}
		v, err := apply(n, g.ops[n], path, inputs)
		if err != nil {
			t.Fatal(err)
		}
		if err := G.UnsafeLet(n, v); err != nil {
			t.Fatal(err)
		}
	}
}

func apply(n *G.Node, o *Op, path string, inputs []G.Value) (G.Value, error) {
	switch {
	case o == nil || path == "Do" || path == "in place" && len(o.inPlace) == 0:
		return n.Op().Do(inputs...)
	case o.result == nil:
		return o.UsePreallocDo(new(G.F32), inputs...)
	case path == "in place":
		copied := inputs[o.inPlace[0]].(*tensor.Dense).Clone().(*tensor.Dense)
		inputs[o.inPlace[0]] = copied
		return o.UsePreallocDo(copied, inputs...)
	}
	return o.UsePreallocDo(tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(o.out.shape...)), inputs...)
}
