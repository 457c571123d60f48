package model

import (
	"supcon/pkg/kernel"
	"supcon/pkg/nn"

	G "gorgonia.org/gorgonia"
)

// Net is an encoder with its head: parameters and running statistics. Graphs
// made of it share them, so only one of them may run at a time.
type Net struct {
	spec    Spec
	params  *nn.Params
	encoder encoder
	head    []layer // the last one's output is z before normalisation, or the logits
	version uint64  // counts what made inference graphs stale
}

// layer puts itself into a graph behind x.
type layer func(g *nn.Graph, x *G.Node) *G.Node

// New makes a net with parameters drawn from the seed. An empty stem means the
// small one. A wrong spec is an error of kind fault.Usage.
func New(s Spec, seed uint64) (*Net, error) {
	s = s.ForImages(0)
	if err := s.Check(); err != nil {
		return nil, err
	}
	p := nn.NewParams(seed)
	n := &Net{spec: s, params: p, encoder: newEncoder(p, s)}
	n.head = newHead(p, s, n.encoder.dim())
	return n, nil
}

// newHead declares the head's parameters, under the names that an nn.Sequential of the reference
// implementation gives them.
func newHead(p *nn.Params, s Spec, dim int) []layer {
	switch {
	case s.Classes > 0:
		return []layer{nn.NewLinear(p, "classifier", dim, s.Classes).Forward}
	case s.Head == MLP: // Linear, ReLU, Linear
		hidden, last := nn.NewLinear(p, "head.0", dim, dim), nn.NewLinear(p, "head.2", dim, s.ProjDim)
		relu := func(g *nn.Graph, x *G.Node) *G.Node { return g.ReLU("head.relu", x) }
		return []layer{hidden.Forward, relu, last.Forward}
	case s.Head == MLPNorm: // Linear, BatchNorm, ReLU, Linear, BatchNorm without a shift
		hidden := nn.LinearNorm{Linear: nn.NewLinear(p, "head.0", dim, dim), Norm: nn.NewBatchNorm(p, "head.1", dim), ReLU: true}
		last := nn.LinearNorm{Linear: nn.NewLinear(p, "head.3", dim, s.ProjDim), Norm: nn.NewScaleNorm(p, "head.4", s.ProjDim)}
		return []layer{hidden.Forward, last.Forward}
	default:
		return []layer{nn.NewLinear(p, "head", dim, s.ProjDim).Forward}
	}
}

// Spec returns what the net was made from, the stem filled in.
func (n *Net) Spec() Spec { return n.spec }

// Params returns the parameters in order.
func (n *Net) Params() []*nn.Param { return n.params.All() }

// ParamCount is the number of trained values.
func (n *Net) ParamCount() int { return n.params.Count() }

// Dim is D_h, the width of the representation.
func (n *Net) Dim() int { return n.encoder.dim() }

// State returns parameters and running statistics by name; see nn.Params.State.
func (n *Net) State() []nn.Tensor { return n.params.State() }

// Load puts a saved state into the net. A state of another model is an error of
// kind fault.Checkpoint and changes nothing.
func (n *Net) Load(state []nn.Tensor) error {
	n.version++
	return n.params.Load(state)
}

// Average takes the state of a net of the same spec into the exponential moving
// average that n is; see nn.Params.Average.
func (n *Net) Average(e *kernel.Engine, of *Net, d float64) {
	n.version++
	n.params.Average(e, of.params, d)
}

// forward puts encoder and head into the graph and returns both outputs: h, and
// the head's, not yet normalised.
func (n *Net) forward(g *nn.Graph, x *G.Node) (h, out *G.Node) {
	h = n.encoder.forward(g, x)
	out = h
	for _, l := range n.head {
		out = l(g, out)
	}
	return h, out
}

// FLOPs counts the operations of the forward pass of one H×W image, of the
// encoder alone or with the head; a training step takes about three times as
// many.
func (n *Net) FLOPs(e *kernel.Engine, height, width int, layer Layer) (float64, error) {
	g := nn.NewInference(e)
	x := g.Input("x", 1, height, width, 3)
	if layer == Projection {
		n.forward(g, x)
	} else {
		n.encoder.forward(g, x)
	}
	return g.FLOPs(), g.Err()
}
