package op

import (
	"fmt"
	"slices"
	"time"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Machine runs a compiled graph.
type Machine struct {
	graph *Graph
	vm    G.VM
	arena []float32
	adder *adder
}

// Compile plans the graph's memory and makes it ready to run. Results that are
// read after a run have to be marked with Keep before.
func (g *Graph) Compile() (m *Machine, err error) {
	if g.err != nil {
		return nil, g.err
	}
	if err := g.checkHashes(); err != nil {
		return nil, err
	}
	order, err := G.Sort(g.expr)
	if err != nil {
		return nil, fmt.Errorf("op: order the graph: %w", err)
	}
	slices.Reverse(order) // gorgonia's compiler does the same: operands first
	m = &Machine{graph: g, arena: g.plan(order), adder: &adder{kernel: g.engine}}
	defer func() { // NewTapeMachine has no error to return
		if r := recover(); r != nil {
			m, err = nil, fmt.Errorf("op: compile the graph: %v", r)
		}
	}()
	m.vm = G.NewTapeMachine(g.expr, G.WithEngine(m.adder))
	return m, nil
}

// checkHashes refuses graphs in which two nodes have one 32-bit hash: gorgonia
// would take them for one.
func (g *Graph) checkHashes() error {
	seen := map[uint32]*G.Node{}
	for _, n := range g.expr.AllNodes() {
		if other := seen[n.Hashcode()]; other != nil {
			return fmt.Errorf("op: the nodes %v and %v have one 32-bit hash by chance; another batch or image size avoids it", other, n)
		}
		seen[n.Hashcode()] = n
	}
	return nil
}

// Run executes the graph once. Input nodes have to be bound with Bind.
func (m *Machine) Run() error {
	g := m.graph
	m.vm.Reset() // without it a second RunAll does nothing
	g.running, g.next, g.failure = true, 0, nil
	err := m.vm.RunAll()
	g.running = false
	if g.failure != nil { // gorgonia's wrapping hides the cause from errors.Is
		return g.failure
	}
	if err != nil {
		return fmt.Errorf("op: run the graph: %w", err)
	}
	return nil
}

// Close releases the machine.
func (m *Machine) Close() error { return m.vm.Close() }

// Bytes is the memory that the graph holds for results: the arena and what
// operations keep for themselves. Parameters and the engine's scratch are not
// in it.
func (m *Machine) Bytes() int64 { return int64(len(m.arena))*4 + m.graph.private }

// Bind makes data the value of a float32 input, without copying it.
func Bind(input *G.Node, data []float32) error {
	if want := input.Shape().TotalSize(); len(data) != want {
		return fmt.Errorf("op: input %s takes %d values, not %d", input.Name(), want, len(data))
	}
	return G.Let(input, tensor.New(tensor.WithShape(input.Shape()...), tensor.WithBacking(data)))
}

// BindIntegers is Bind for an input of integers.
func BindIntegers(input *G.Node, data []int) error {
	if want := input.Shape().TotalSize(); len(data) != want {
		return fmt.Errorf("op: input %s takes %d values, not %d", input.Name(), want, len(data))
	}
	return G.Let(input, tensor.New(tensor.WithShape(len(data)), tensor.WithBacking(data)))
}

// Float32s returns the values of a node: of a parameter, or after a run of a
// kept result. They are valid until the next run.
func Float32s(n *G.Node) ([]float32, error) {
	d, ok := n.Value().(*tensor.Dense)
	if !ok || d.Dtype() != tensor.Float32 {
		return nil, fmt.Errorf("op: node %s holds %T, not a float32 array", n.Name(), n.Value())
	}
	return d.Float32s(), nil
}

// inTurn checks that the operations of a run come in the order that the memory
// was planned for.
func (g *Graph) inTurn(o *Op) error {
	if !g.running {
		return nil
	}
	if o.position != g.next {
		return fmt.Errorf("operation %d came at place %d of the run; its memory was planned for another order", o.position, g.next)
	}
	g.next++
	return nil
}

// Timing is the time one operation took in all runs since SetTiming.
type Timing struct {
	Name, Kind string
	Elapsed    time.Duration
	FLOPs      float64 // of one run; 0 where operations are not what it is about
}

// SetTiming starts or stops measuring each operation.
func (m *Machine) SetTiming(on bool) {
	m.graph.timing = on
	m.adder.timing, m.adder.elapsed = on, 0
	for _, o := range m.graph.ops {
		o.elapsed = 0
	}
}

// Timings returns the operations in the order of execution, and as the last the
// additions where gradients meet.
func (m *Machine) Timings() []Timing {
	var timings []Timing
	ops := make([]*Op, len(m.graph.ops))
	for _, o := range m.graph.ops {
		ops[o.position] = o
	}
	for _, o := range ops {
		if o.fetches == nil {
			timings = append(timings, Timing{o.name, o.kind, o.elapsed, o.flops})
		}
	}
	return append(timings, Timing{"forks", "add", m.adder.elapsed, 0})
}
