package op

import (
	"supcon/pkg/kernel"

	G "gorgonia.org/gorgonia"
)

// MaxPool takes the largest of each size×size window of x (N,H,W,C); padding
// counts as −∞, and of equal values the first has the gradient.
func (g *Graph) MaxPool(name string, x *G.Node, size int, geometry Geometry) *G.Node {
	if !g.shaped(name, "x", x, 4) {
		return nil
	}
	xs := x.Shape()
	s := kernel.PoolShape{N: xs[0], H: xs[1], W: xs[2], C: xs[3], Size: size, Stride: geometry.Stride, Pad: geometry.Pad}
	if err := s.Check(); err != nil {
		return g.fail("%s: %w", name, err)
	}
	argmax := make([]uint8, s.N*s.P()*s.Q()*s.C)
	g.private += int64(len(argmax))
	return g.add(name, spec{
		kind: "maxpool", shape: []int{s.N, s.P(), s.Q(), s.C},
		compute: func(out []float32, in arguments) error {
			g.engine.MaxPoolForward(s, out, in.floats[0], argmax)
			return nil
		},
		diff: func(in G.Nodes, _, dy *G.Node) G.Nodes {
			return G.Nodes{g.add(name+".dx", spec{
				kind: "maxpool dx", shape: in[0].Shape(),
				compute: func(out []float32, in arguments) error {
					g.engine.MaxPoolBackward(s, out, in.floats[0], argmax)
					return nil
				},
			}, dy)}
		},
	}, x)
}

// GlobalAvgPool averages x (N,H,W,C) over H and W, giving (N,C).
func (g *Graph) GlobalAvgPool(name string, x *G.Node) *G.Node {
	if !g.shaped(name, "x", x, 4) {
		return nil
	}
	s := x.Shape()
	n, hw, c := s[0], s[1]*s[2], s[3]
	return g.add(name, spec{
		kind: "avgpool", shape: []int{n, c},
		compute: func(out []float32, in arguments) error {
			g.engine.GlobalAvgPoolForward(n, hw, c, out, in.floats[0])
			return nil
		},
		diff: func(in G.Nodes, _, dy *G.Node) G.Nodes {
			return G.Nodes{g.add(name+".dx", spec{
				kind: "avgpool dx", shape: in[0].Shape(),
				compute: func(out []float32, in arguments) error {
					g.engine.GlobalAvgPoolBackward(n, hw, c, out, in.floats[0])
					return nil
				},
			}, dy)}
		},
	}, x)
}
