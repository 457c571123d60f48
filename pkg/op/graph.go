package op

import (
	"fmt"
	"slices"

	"supcon/pkg/kernel"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Graph builds one computation. It is not safe for concurrent use.
type Graph struct {
	expr   *G.ExprGraph
	engine *kernel.Engine
	err    error

	names   map[string]bool  // of operations and inputs: both are hashed by name
	sources map[*G.Node]bool // inputs that are data: nothing asks for their gradient
	ops     map[*G.Node]*Op  // by node
	keep    map[*G.Node]bool // results that are read after the run
	private int64            // bytes that operations hold outside the arena
	keeping []*kernel.Conv   // those that keep what they derive from weights

	// recompute, when on, makes results again in the backward pass where that is
	// cheap, so that their memory is free in between.
	recompute bool
	makeAgain map[*G.Node]func() *G.Node // how, for the results that can be
	again     map[*G.Node]*G.Node        // those made again

	running bool  // by a Machine, and so in the planned order
	next    int   // position of the operation that has to run next
	failure error // the first error of an operation in this run
	timing  bool
}

// NewGraph returns an empty graph whose operations run on the engine.
func NewGraph(e *kernel.Engine) *Graph {
	return &Graph{
		expr: G.NewGraph(), engine: e,
		names: map[string]bool{}, sources: map[*G.Node]bool{}, ops: map[*G.Node]*Op{}, keep: map[*G.Node]bool{},
		makeAgain: map[*G.Node]func() *G.Node{}, again: map[*G.Node]*G.Node{},
	}
}

// Recompute makes the backward pass compute the outputs of batch norms without
// a residual a second time, from their inputs, where a convolution's gradient
// needs them. That costs one pass over each and saves about a quarter of a
// residual network's memory. It has to be called before Gradients.
func (g *Graph) Recompute() { g.recompute = true }

// inBackward is the node from which the backward pass takes the result n.
func (g *Graph) inBackward(n *G.Node) *G.Node {
	if g.again[n] == nil && g.recompute && g.makeAgain[n] != nil && !g.keep[n] {
		g.again[n] = g.makeAgain[n]()
	}
	return g.madeAgain(n)
}

// madeAgain is inBackward for a use that alone is not worth making n again.
func (g *Graph) madeAgain(n *G.Node) *G.Node {
	if again := g.again[n]; again != nil {
		return again
	}
	return n
}

// Err is the first error met while building.
func (g *Graph) Err() error { return g.err }

// Engine is what the graph's operations run on.
func (g *Graph) Engine() *kernel.Engine { return g.engine }

func (g *Graph) fail(format string, args ...any) *G.Node {
	if g.err == nil {
		g.err = fmt.Errorf("op: "+format, args...)
	}
	return nil
}

// ready reports whether building may go on with these nodes.
func (g *Graph) ready(name string, nodes ...*G.Node) bool {
	if g.err == nil && slices.Contains(nodes, nil) {
		g.fail("%s: an input is missing", name)
	}
	return g.err == nil
}

// unique claims a name: gorgonia merges nodes of equal names.
func (g *Graph) unique(name string) bool {
	if g.names[name] {
		g.fail("the name %q is taken", name)
	}
	g.names[name] = true
	return g.err == nil
}

// Input adds a float32 array that is bound before each run. No gradient flows
// into it.
func (g *Graph) Input(name string, shape ...int) *G.Node {
	if g.err != nil || !g.unique(name) {
		return nil
	}
	n := G.NewTensor(g.expr, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name))
	g.sources[n] = true
	return n
}

// Integers adds a vector of n integers, such as labels, that is bound before
// each run.
func (g *Graph) Integers(name string, n int) *G.Node {
	if g.err != nil || !g.unique(name) {
		return nil
	}
	node := G.NewTensor(g.expr, tensor.Int, 1, G.WithShape(n), G.WithName(name))
	g.sources[node] = true
	return node
}

// Parameter adds an array that gradients are taken of. Graphs that are given
// the same tensor share it.
func (g *Graph) Parameter(name string, value *tensor.Dense) *G.Node {
	if g.err != nil || !g.unique(name) {
		return nil
	}
	if value.Dtype() != tensor.Float32 {
		return g.fail("parameter %s is of %v, not float32", name, value.Dtype())
	}
	return G.NewTensor(g.expr, tensor.Float32, value.Dims(), G.WithShape(value.Shape()...), G.WithName(name), G.WithValue(value))
}

// Keep marks results that are read after the run: the plan leaves their memory
// alone.
func (g *Graph) Keep(nodes ...*G.Node) {
	for _, n := range nodes {
		g.keep[n] = true
	}
}

// Gradients adds the backward pass of the scalar loss and returns the gradient
// of each parameter, kept. It may be called once.
func (g *Graph) Gradients(loss *G.Node, parameters ...*G.Node) G.Nodes {
	if !g.ready("gradients", append(slices.Clone(parameters), loss)...) {
		return nil
	}
	grads, err := G.Grad(loss, parameters...)
	if err == nil {
		err = g.err
	}
	if err != nil {
		g.fail("gradients: %w", err)
		return nil
	}
	g.Keep(grads...)
	return grads
}

// FLOPs counts the operations of one run of what the graph holds so far: of
// convolutions, matrix products and contrastive losses.
func (g *Graph) FLOPs() float64 {
	var sum float64
	for _, o := range g.ops {
		sum += o.flops
	}
	return sum
}
