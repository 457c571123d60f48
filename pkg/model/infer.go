package model

import (
	"fmt"

	"supcon/pkg/fault"
	"supcon/pkg/kernel"
	"supcon/pkg/nn"
	"supcon/pkg/op"

	G "gorgonia.org/gorgonia"
)

// Layer names an output of a net.
type Layer string

// The layers of a net that have vectors.
const (
	Encoder    Layer = "encoder"    // h (M,D_h), what evaluation uses
	Projection Layer = "projection" // the head's output (M,D), not normalised
)

// InferGraph is the forward pass alone, with running statistics and the batch
// norms folded into the convolutions.
type InferGraph struct {
	net     *Net
	graph   *nn.Graph
	machine *op.Machine
	x, out  *G.Node
	shape   Shape
	width   int
	padded  []float32 // for batches of fewer rows
	version uint64
}

// InferGraph builds the inference graph for batches of up to s.Rows images.
func (n *Net) InferGraph(e *kernel.Engine, s Shape, layer Layer) (*InferGraph, error) {
	if layer != Encoder && layer != Projection {
		return nil, fault.Usage.Errorf("model: there is no layer %q, only %s and %s", layer, Encoder, Projection)
	}
	f := &InferGraph{net: n, graph: nn.NewInference(e), shape: s}
	f.x = f.graph.Input("x", s.Rows, s.H, s.W, 3)
	if layer == Encoder {
		f.out = n.encoder.forward(f.graph, f.x)
	} else {
		_, f.out = n.forward(f.graph, f.x)
	}
	f.graph.Keep(f.out)
	var err error
	if f.machine, err = f.graph.Compile(); err != nil {
		return nil, fmt.Errorf("model: the inference graph of %v: %w", n.spec, err)
	}
	f.width = f.out.Shape()[1]
	f.Refresh()
	return f, nil
}

// Width is the length of one output vector.
func (f *InferGraph) Width() int { return f.width }

// Run returns the vectors of x (m,H,W,3), 1 ≤ m ≤ Rows, as (m,Width), valid
// until the next Run. It sees every training step, Load and Average before it; after
// parameters were changed in another way call Refresh.
func (f *InferGraph) Run(x []float32) ([]float32, error) {
	image := f.shape.H * f.shape.W * 3
	m := len(x) / image
	if m < 1 || m > f.shape.Rows || len(x) != m*image {
		return nil, fmt.Errorf("model: %d values are no batch of 1 to %d images of %d×%d×3", len(x), f.shape.Rows, f.shape.H, f.shape.W)
	}
	if f.version != f.net.version {
		f.Refresh()
	}
	if m < f.shape.Rows { // rows do not see each other: what the others hold does not matter
		if f.padded == nil {
			f.padded = make([]float32, f.shape.Rows*image)
		}
		copy(f.padded, x)
		x = f.padded
	}
	if err := op.Bind(f.x, x); err != nil {
		return nil, err
	}
	if err := f.machine.Run(); err != nil {
		return nil, err
	}
	out, err := op.Float32s(f.out)
	if err != nil {
		return nil, err
	}
	return out[:m*f.width], nil
}

// Refresh folds the batch norms anew from the net as it now is.
func (f *InferGraph) Refresh() {
	f.graph.Refresh()
	f.version = f.net.version
}

// Machine gives access to memory and timings.
func (f *InferGraph) Machine() *op.Machine { return f.machine }

// Close releases the graph.
func (f *InferGraph) Close() error { return f.machine.Close() }
