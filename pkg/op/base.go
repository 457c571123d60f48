package op

import (
	"fmt"
	"time"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Op is the one implementation of gorgonia's Op and SDOp in this package. What
// an operation computes stands in its functions; all that gorgonia wants to
// know follows from the shapes.
type Op struct {
	graph *Graph
	name  string // unique in the graph
	kind  string
	in    []slot
	out   slot
	flops float64

	compute func(out []float32, in arguments) error
	// diff adds the backward operations and returns the gradients by the inputs,
	// nil where wrt is false.
	diff func(in G.Nodes, out, grad *G.Node) G.Nodes
	wrt  []bool

	// inPlace lists the inputs whose memory the output may take over when the
	// operation is the last to read them.
	inPlace []int
	side    []*buffer // side results, written by compute beside the output
	fetches *buffer   // set: the operation computes nothing and returns this side result

	result   *buffer
	scalar   *G.F32
	args     arguments
	position int // among the graph's operations, in the order of execution

	elapsed time.Duration
}

// slot is what an input or output has to look like.
type slot struct {
	shape tensor.Shape // nil: a scalar
	dtype tensor.Dtype
}

func (s slot) hmType(a hm.Type) hm.Type {
	switch {
	case s.dtype == tensor.Int:
		return G.TensorType{Dims: len(s.shape), Of: tensor.Int}
	case s.shape == nil:
		return a
	}
	return G.TensorType{Dims: len(s.shape), Of: a}
}

func slotOf(n *G.Node) slot {
	if n.IsScalar() {
		return slot{dtype: n.Dtype()}
	}
	return slot{n.Shape(), n.Dtype()}
}

// arguments gives compute the inputs as slices; both lists are as long as the
// inputs, with nil where the input is of the other type.
type arguments struct {
	floats [][]float32
	ints   [][]int
	room   []float32 // for scalar inputs
}

// spec is what an operation's method tells add.
type spec struct {
	kind    string
	shape   []int // of the output; nil: a scalar
	flops   float64
	compute func(out []float32, in arguments) error
	diff    func(in G.Nodes, out, grad *G.Node) G.Nodes
	inPlace []int
	side    []*buffer
}

// add applies a new operation to the inputs. diff may be nil, and inputs that
// are data get no gradient whatever it returns.
func (g *Graph) add(name string, s spec, inputs ...*G.Node) *G.Node {
	if !g.ready(name, inputs...) || !g.unique(name) {
		return nil
	}
	o := &Op{
		graph: g, name: name, kind: s.kind, flops: s.flops, compute: s.compute, diff: s.diff, inPlace: s.inPlace, side: s.side,
		out: slot{dtype: tensor.Float32}, wrt: make([]bool, len(inputs)),
		args: arguments{make([][]float32, len(inputs)), make([][]int, len(inputs)), make([]float32, len(inputs))},
	}
	for i, n := range inputs {
		o.in = append(o.in, slotOf(n))
		o.wrt[i] = s.diff != nil && !g.sources[n]
	}
	if s.shape == nil {
		o.scalar = new(G.F32)
	} else {
		o.out.shape = s.shape
		o.result = &buffer{shape: s.shape}
	}
	return g.apply(o, inputs...)
}

// fetch returns a side result of the operation at node, in its own node.
func (g *Graph) fetch(name string, node *G.Node, side *buffer) *G.Node {
	if !g.ready(name, node) || !g.unique(name) {
		return nil
	}
	o := &Op{
		graph: g, name: name, kind: "fetch", fetches: side, result: side, wrt: []bool{false},
		in: []slot{slotOf(node)}, out: slot{side.shape, tensor.Float32},
		args: arguments{make([][]float32, 1), make([][]int, 1), make([]float32, 1)},
	}
	return g.apply(o, node)
}

func (g *Graph) apply(o *Op, inputs ...*G.Node) *G.Node {
	n, err := G.ApplyOp(o, inputs...)
	if err != nil {
		return g.fail("%s: %w", o.name, err)
	}
	g.ops[n] = o
	return n
}

// Do computes into the operation's own memory and returns it.
func (o *Op) Do(inputs ...G.Value) (G.Value, error) {
	if o.result == nil {
		return o.run(o.scalar, inputs)
	}
	return o.run(o.result.tensor(), inputs)
}

// UsePreallocDo computes into p, which may be one of the inputs where inPlace
// allows it.
func (o *Op) UsePreallocDo(p G.Value, inputs ...G.Value) (G.Value, error) { return o.run(p, inputs) }

// run is both paths: it checks everything, computes, and turns a panic into an
// error, since gorgonia runs operations in a goroutine of its own.
func (o *Op) run(to G.Value, inputs []G.Value) (result G.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
		if err != nil {
			err = fmt.Errorf("op: %s %s: %w", o.kind, o.name, err)
			result = nil
			if o.graph.failure == nil {
				o.graph.failure = err
			}
		}
	}()
	out, err := o.check(to, inputs)
	if err != nil {
		return nil, err
	}
	if err := o.graph.inTurn(o); err != nil {
		return nil, err
	}
	started := time.Time{}
	if o.graph.timing {
		started = time.Now()
	}
	if o.fetches != nil {
		if from := o.fetches.tensor().Float32s(); &from[0] != &out[0] {
			copy(out, from)
		}
	} else if err := o.compute(out, o.args); err != nil {
		return nil, err
	}
	if o.graph.timing {
		o.elapsed += time.Since(started)
	}
	if scalar, ok := to.(*G.F32); ok {
		*scalar = G.F32(out[0])
	}
	return to, nil
}
