package op

import (
	"supcon/pkg/kernel"

	G "gorgonia.org/gorgonia"
)

// Geometry is what a window operation does not know from its operands.
type Geometry struct{ Stride, Pad int }

// convolution plans the convolution of x (N,H,W,C) with w (R,S,C,K).
func (g *Graph) convolution(name string, x, w *G.Node, geometry Geometry) *kernel.Conv {
	if !g.shaped(name, "x", x, 4) || !g.shaped(name, "w", w, 4) {
		return nil
	}
	xs, ws := x.Shape(), w.Shape()
	if xs[3] != ws[2] {
		g.fail("%s: x has %d channels, the filters are for %d", name, xs[3], ws[2])
		return nil
	}
	conv, err := g.engine.NewConv(kernel.ConvShape{
		N: xs[0], H: xs[1], W: xs[2], C: xs[3], K: ws[3], R: ws[0], S: ws[1], Stride: geometry.Stride, Pad: geometry.Pad,
	})
	if err != nil {
		g.fail("%s: %w", name, err)
		return nil
	}
	return conv
}

func outputShape(s kernel.ConvShape) []int { return []int{s.N, s.P(), s.Q(), s.K} }

// Conv is the cross-correlation of x (N,H,W,C) with the filters w (R,S,C,K),
// giving (N,P,Q,K).
func (g *Graph) Conv(name string, x, w *G.Node, geometry Geometry) *G.Node {
	conv := g.convolution(name, x, w, geometry)
	if conv == nil {
		return nil
	}
	s := conv.Shape()
	return g.add(name, spec{
		kind: "conv", shape: outputShape(s), flops: s.FLOPs(),
		compute: func(out []float32, in arguments) error {
			conv.Forward(out, in.floats[0], in.floats[1], kernel.Epilogue{})
			return nil
		},
		diff: func(in G.Nodes, _, dy *G.Node) G.Nodes {
			dw := g.add(name+".dw", spec{ // before dx, so that dy's memory is free for what dx leads to
				kind: "conv dw", shape: in[1].Shape(), flops: s.FLOPs(),
				compute: func(out []float32, in arguments) error {
					conv.BackwardFilter(out, in.floats[0], in.floats[1])
					return nil
				},
			}, g.inBackward(in[0]), dy)
			if g.sources[in[0]] {
				return G.Nodes{nil, dw}
			}
			return G.Nodes{g.add(name+".dx", spec{
				kind: "conv dx", shape: in[0].Shape(), flops: s.FLOPs(),
				compute: func(out []float32, in arguments) error {
					conv.BackwardData(out, in.floats[0], in.floats[1])
					return nil
				},
			}, dy, in[1]), dw}
		},
	}, x, w)
}

// ConvInference is relu?(x ∗ w + bias + residual) in one pass, without a
// gradient: a convolution into which a batch norm has been folded. bias is (K);
// residual, which may be nil, has the shape of the result. What it derives from w
// is kept until WeightsChanged.
func (g *Graph) ConvInference(name string, x, w, bias, residual *G.Node, geometry Geometry, relu bool) *G.Node {
	conv := g.convolution(name, x, w, geometry)
	if conv == nil {
		return nil
	}
	s := conv.Shape()
	inputs := []*G.Node{x, w, bias}
	if !g.sized(name, "bias", bias, s.K) {
		return nil
	}
	if kept := conv.KeepFilter(); kept > 0 {
		g.private += kept
		g.keeping = append(g.keeping, conv)
	}
	if residual != nil {
		if !g.sized(name, "residual", residual, outputShape(s)...) {
			return nil
		}
		inputs = append(inputs, residual)
	}
	return g.add(name, spec{
		kind: "conv", shape: outputShape(s), flops: s.FLOPs(),
		compute: func(out []float32, in arguments) error {
			epilogue := kernel.Epilogue{Bias: in.floats[2], ReLU: relu}
			if residual != nil {
				epilogue.Residual = in.floats[3]
			}
			conv.Forward(out, in.floats[0], in.floats[1], epilogue)
			return nil
		},
	}, inputs...)
}

// WeightsChanged has to be called when weights of inference convolutions were
// written to.
func (g *Graph) WeightsChanged() {
	for _, conv := range g.keeping {
		conv.Forget()
	}
}
