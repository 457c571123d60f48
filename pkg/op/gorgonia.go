package op

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Op answers what gorgonia asks of an operation that can be differentiated.
var (
	_ G.SDOp            = (*Op)(nil)
	_ G.UsePreallocDoer = (*Op)(nil)
)

// Arity is the number of inputs.
func (o *Op) Arity() int { return len(o.in) }

// ReturnsPtr is true: the result is memory of the operation's own.
func (o *Op) ReturnsPtr() bool { return true }

// CallsExtern is false: true would make the VM allocate the output on every run.
func (o *Op) CallsExtern() bool { return false }

// OverwritesInput is none: the plan reuses memory, not the VM.
func (o *Op) OverwritesInput() int { return -1 }

func (o *Op) String() string { return o.kind + " " + o.name }

// Type is the operation's type, built afresh on every call because
// gorgonia recycles it.
func (o *Op) Type() hm.Type {
	a := hm.TypeVariable('a')
	types := make([]hm.Type, 0, len(o.in)+1)
	for _, s := range o.in {
		types = append(types, s.hmType(a))
	}
	return hm.NewFnType(append(types, o.out.hmType(a))...)
}

// InferShape is the shape of the output, known since the operation was made.
func (o *Op) InferShape(...G.DimSizer) (tensor.Shape, error) {
	if o.out.shape == nil {
		return tensor.ScalarShape(), nil
	}
	return o.out.shape.Clone(), nil
}

// WriteHash writes what sets the operation apart: its name does.
func (o *Op) WriteHash(h hash.Hash) { fmt.Fprintf(h, "supcon %s %s %v", o.kind, o.name, o.out.shape) }

// Hashcode is the hash that gorgonia compares operations by.
func (o *Op) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// DiffWRT says which inputs get a gradient.
func (o *Op) DiffWRT(int) []bool { return o.wrt }

// SymDiff adds the operations of the backward pass.
func (o *Op) SymDiff(inputs G.Nodes, output, grad *G.Node) (G.Nodes, error) {
	if o.diff == nil {
		return nil, fmt.Errorf("op: %s %s has no gradient", o.kind, o.name)
	}
	grads := o.diff(inputs, output, grad)
	if o.graph.err != nil {
		return nil, o.graph.err
	}
	return grads, nil
}
