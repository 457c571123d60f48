package nn

import (
	"fmt"

	"supcon/pkg/kernel"
	"supcon/pkg/op"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Graph is an op.Graph into which layers put themselves. In a training graph
// batch norms use and update the statistics of the batch; in an inference graph
// they use the running ones, folded into the convolutions.
type Graph struct {
	*op.Graph
	training bool
	nodes    map[*Param]*G.Node
	folds    []fold
}

// NewTraining returns an empty training graph.
func NewTraining(e *kernel.Engine) *Graph {
	g := &Graph{Graph: op.NewGraph(e), training: true, nodes: map[*Param]*G.Node{}}
	g.Recompute()
	return g
}

// NewInference returns an empty inference graph.
func NewInference(e *kernel.Engine) *Graph {
	return &Graph{Graph: op.NewGraph(e), nodes: map[*Param]*G.Node{}}
}

// node returns the graph's node of a parameter.
func (g *Graph) node(p *Param) *G.Node {
	if g.nodes[p] == nil {
		g.nodes[p] = g.Parameter(p.Name, p.Value)
	}
	return g.nodes[p]
}

// Gradient is a parameter with its gradient of the last run: what a solver's
// Step takes.
type Gradient struct {
	param *Param
	node  *G.Node
}

// Value returns the parameter's memory.
func (d *Gradient) Value() G.Value { return d.param.Value }

// Grad returns the gradient of the last run.
func (d *Gradient) Grad() (G.Value, error) {
	if v := d.node.Value(); v != nil {
		return v, nil
	}
	return nil, fmt.Errorf("nn: %s has no gradient before the graph has run", d.param.Name)
}

// Name is the parameter's path.
func (d *Gradient) Name() string { return d.param.Name }

// Decay reports whether weight decay applies.
func (d *Gradient) Decay() bool { return d.param.Decay }

// Differentiate adds the backward pass of the scalar loss and returns the
// gradients of the parameters, all of which have to be in the graph.
func (g *Graph) Differentiate(loss *G.Node, params []*Param) []*Gradient {
	var nodes []*G.Node
	for _, p := range params {
		if g.Err() == nil && g.nodes[p] == nil {
			panic("nn: the loss does not depend on " + p.Name)
		}
		nodes = append(nodes, g.nodes[p])
	}
	var gradients []*Gradient
	for i, n := range g.Gradients(loss, nodes...) {
		gradients = append(gradients, &Gradient{params[i], n})
	}
	return gradients
}

// fold is a batch norm that an inference graph has made part of what is before it.
type fold struct {
	unit         folding
	weight, bias *tensor.Dense
}

// folding is a unit whose norm can be folded into its weights.
type folding interface {
	fold(e *kernel.Engine, weight, bias []float32)
}

// folded declares the weights, of this shape, and the bias of a unit whose norm is folded in.
func (g *Graph) folded(name string, unit folding, shape []int) (weight, bias *G.Node) {
	f := fold{
		unit:   unit,
		weight: tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...)),
		bias:   tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape[len(shape)-1])),
	}
	g.folds = append(g.folds, f)
	return g.Parameter(name+"/folded", f.weight), g.Parameter(name+"/folded bias", f.bias)
}

// Refresh folds the batch norms anew from the parameters and running statistics
// as they now are. An inference graph needs it after each change of them.
func (g *Graph) Refresh() {
	for _, f := range g.folds {
		f.unit.fold(g.Engine(), f.weight.Float32s(), f.bias.Float32s())
	}
	g.WeightsChanged()
}
