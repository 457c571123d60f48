package model

import (
	"fmt"

	"supcon/pkg/kernel"
	"supcon/pkg/nn"
	"supcon/pkg/op"

	G "gorgonia.org/gorgonia"
)

// Shape is the size of a graph's input: rows of H×W images with 3 channels.
type Shape struct{ Rows, H, W int }

// TrainGraph is the forward and the backward pass of a net on batches of one
// size.
type TrainGraph struct {
	net       *Net
	machine   *op.Machine
	x, groups *G.Node
	h, z      *G.Node
	gradients []*nn.Gradient
	value     *op.LossValue
}

// TrainGraph builds the training step: x (M,H,W,3) → h → z, unit length, → the
// contrastive loss; with spec.Classes > 0, x → h → logits → cross-entropy, and
// cfg is not used. The graph and the engine may be used by one goroutine at a
// time.
func (n *Net) TrainGraph(e *kernel.Engine, s Shape, cfg op.LossConfig) (*TrainGraph, error) {
	g := nn.NewTraining(e)
	t := &TrainGraph{net: n, x: g.Input("x", s.Rows, s.H, s.W, 3), groups: g.Integers("groups", s.Rows)}
	var loss *G.Node
	t.h, t.z = n.forward(g, t.x)
	if n.spec.Classes > 0 {
		loss, t.value = g.CrossEntropy("loss", t.z, t.groups)
	} else {
		t.z = g.L2Normalize("z", t.z)
		loss, t.value = g.Contrastive("loss", t.z, t.groups, cfg)
	}
	t.gradients = g.Differentiate(loss, n.params.All())
	g.Keep(t.h, t.z)
	var err error
	if t.machine, err = g.Compile(); err != nil {
		return nil, fmt.Errorf("model: the training graph of %v: %w", n.spec, err)
	}
	return t, nil
}

// SetInput binds a batch without copying it: x is (M,H,W,3), and groups[i] the
// group of row i (loss.Groups), or its label for cross-entropy. Both have to
// stay unchanged until Run returns.
func (t *TrainGraph) SetInput(x []float32, groups []int) error {
	if err := op.Bind(t.x, x); err != nil {
		return err
	}
	return op.BindIntegers(t.groups, groups)
}

// Run computes loss and gradients of the batch and updates the running
// statistics.
func (t *TrainGraph) Run() (op.LossValue, error) {
	t.net.version++
	err := t.machine.Run()
	return *t.value, err
}

// Gradients returns the parameters with their gradients, in the order of
// Net.Params: what a solver's Step takes. The gradients are valid until the next
// Run.
func (t *TrainGraph) Gradients() []G.ValueGrad {
	list := make([]G.ValueGrad, len(t.gradients))
	for i, d := range t.gradients {
		list[i] = d
	}
	return list
}

// Features returns h (M,D_h) of the last Run, and Output z (M,D) or the logits.
func (t *TrainGraph) Features() ([]float32, error) { return op.Float32s(t.h) }

// Output returns z (M,D) of the last Run, or the logits (M,classes).
func (t *TrainGraph) Output() ([]float32, error) { return op.Float32s(t.z) }

// Machine gives access to memory and timings.
func (t *TrainGraph) Machine() *op.Machine { return t.machine }

// Close releases the graph.
func (t *TrainGraph) Close() error { return t.machine.Close() }
