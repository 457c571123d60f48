package op

import (
	"slices"
	"unsafe"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// buffer is where one result lies.
type buffer struct {
	shape       tensor.Shape
	first, last int     // positions in the order of execution: written, last read
	shares      *buffer // set: the memory is that of another result, which this one replaces
	at          int     // offset in the arena, in floats
	dense       *tensor.Dense
}

// tensor returns the result's memory. Without a plan it is allocated on first
// use.
func (b *buffer) tensor() *tensor.Dense {
	if b.dense == nil {
		b.bind(make([]float32, b.shape.TotalSize()))
	}
	return b.dense
}

func (b *buffer) bind(memory []float32) {
	b.dense = tensor.New(tensor.WithShape(b.shape...), tensor.WithBacking(memory))
}

func (b *buffer) root() *buffer {
	for b.shares != nil {
		b = b.shares
	}
	return b
}

// lane is the alignment of results in the arena, in floats: a cache line.
const lane = 16

func (b *buffer) size() int { return (b.shape.TotalSize() + lane - 1) / lane * lane }

// plan gives every result of the graph its place in one arena, and returns the
// arena. order is the order of execution. A result lives from the operation
// that writes it to the last that reads it; results that never live at the same
// time may lie in the same place, and a result may take over the place of an
// input that dies with the operation, where the operation allows it.
func (g *Graph) plan(order G.Nodes) []float32 {
	buffers, where := g.lifetimes(order)
	g.shareInPlace(order, where)
	var roots []*buffer
	for _, b := range buffers {
		if r := b.root(); r != b {
			r.last = max(r.last, b.last)
		} else {
			roots = append(roots, b)
		}
	}
	arena := aligned(place(roots))
	for _, b := range buffers {
		from := b.root().at
		size := b.shape.TotalSize()
		b.bind(arena[from : from+size : from+size])
	}
	return arena
}

// lifetimes numbers the operations and returns all results, and where each
// node's lies. The stock additions that join gradients write into their first
// input.
func (g *Graph) lifetimes(order G.Nodes) (buffers []*buffer, where map[*G.Node]*buffer) {
	where = map[*G.Node]*buffer{}
	position := 0
	for t, n := range order {
		o := g.ops[n]
		for i, child := range g.children(n) {
			b := where[child]
			if b == nil {
				continue
			}
			if o == nil && i == 0 && n.Op() != nil {
				where[n] = b
			}
			if o == nil || o.fetches == nil { // a fetch reads the side result, not its input
				b.last = max(b.last, t)
			}
		}
		if o == nil {
			continue
		}
		o.position = position
		position++
		if o.fetches == nil {
			for _, b := range append(slices.Clone(o.side), o.result) {
				if b != nil {
					b.first, b.last = t, t
					buffers = append(buffers, b)
				}
			}
		}
		if o.result != nil {
			where[n] = o.result
			o.result.last = max(o.result.last, t)
		}
	}
	for n := range g.keep {
		if b := where[n]; b != nil {
			b.last = len(order)
		}
	}
	return buffers, where
}

func (g *Graph) children(n *G.Node) []*G.Node {
	var children []*G.Node
	for it := g.expr.From(n.ID()); it.Next(); {
		children = append(children, it.Node().(*G.Node))
	}
	return children
}

// shareInPlace lets outputs take over inputs that die. order's first operation
// that reads a buffer last may take it, once.
func (g *Graph) shareInPlace(order G.Nodes, where map[*G.Node]*buffer) {
	taken := map[*buffer]bool{}
	for t, n := range order {
		o := g.ops[n]
		if o == nil || o.result == nil {
			continue
		}
		children := g.children(n)
		for _, i := range o.inPlace {
			b := where[children[i]]
			if b != nil && b.last == t && !taken[b] && b.size() >= o.result.size() {
				taken[b], o.result.shares = true, b
				break
			}
		}
	}
}

// place sets the offset of every buffer, largest first, each at the lowest
// place that is free for its whole life, and returns the length of the arena.
func place(buffers []*buffer) int {
	slices.SortStableFunc(buffers, func(a, b *buffer) int { return b.size() - a.size() })
	length := 0
	var placed []*buffer // by offset
	for _, b := range buffers {
		b.at = 0
		for _, p := range placed {
			if p.first > b.last || b.first > p.last {
				continue
			}
			if b.at+b.size() <= p.at {
				break
			}
			b.at = max(b.at, p.at+p.size())
		}
		length = max(length, b.at+b.size())
		i, _ := slices.BinarySearchFunc(placed, b.at, func(p *buffer, at int) int { return p.at - at })
		placed = slices.Insert(placed, i, b)
	}
	return length
}

// aligned returns n zeroed floats that start on a cache line.
func aligned(n int) []float32 {
	memory := make([]float32, n+lane)
	skip := 0
	for uintptr(unsafe.Pointer(&memory[skip]))%64 != 0 {
		skip++
	}
	return memory[skip : skip+n : skip+n]
}
