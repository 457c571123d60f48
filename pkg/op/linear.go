package op

import (
	"supcon/pkg/kernel"

	G "gorgonia.org/gorgonia"
)

// Linear is x·w + b with x (M,in), w (in,out), b (out).
func (g *Graph) Linear(name string, x, w, b *G.Node) *G.Node {
	if !g.shaped(name, "x", x, 2) || !g.shaped(name, "w", w, 2) {
		return nil
	}
	rows, in, out := x.Shape()[0], x.Shape()[1], w.Shape()[1]
	if !g.sized(name, "w", w, in, out) || !g.sized(name, "b", b, out) {
		return nil
	}
	flops := 2 * float64(rows) * float64(in) * float64(out)
	return g.add(name, spec{
		kind: "linear", shape: []int{rows, out}, flops: flops,
		compute: func(y []float32, a arguments) error {
			g.engine.Gemm(kernel.GemmShape{M: rows, N: out, K: in}, y, a.floats[0], a.floats[1])
			g.engine.AddBias(rows, out, y, a.floats[2])
			return nil
		},
		diff: func(inputs G.Nodes, _, dy *G.Node) G.Nodes {
			dw := g.add(name+".dw", spec{
				kind: "linear dw", shape: []int{in, out}, flops: flops,
				compute: func(dw []float32, a arguments) error {
					g.engine.Gemm(kernel.GemmShape{M: in, N: out, K: rows, TransA: true}, dw, a.floats[0], a.floats[1])
					return nil
				},
			}, inputs[0], dy)
			db := g.add(name+".db", spec{
				kind: "linear db", shape: []int{out},
				compute: func(db []float32, a arguments) error {
					g.engine.ColumnSums(rows, out, db, a.floats[0])
					return nil
				},
			}, dy)
			if g.sources[inputs[0]] {
				return G.Nodes{nil, dw, db}
			}
			return G.Nodes{g.add(name+".dx", spec{
				kind: "linear dx", shape: []int{rows, in}, flops: flops,
				compute: func(dx []float32, a arguments) error {
					g.engine.Gemm(kernel.GemmShape{M: rows, N: in, K: out, TransB: true}, dx, a.floats[0], a.floats[1])
					return nil
				},
			}, dy, inputs[1]), dw, db}
		},
	}, x, w, b)
}

// ReLU is max(x, 0), of any shape.
func (g *Graph) ReLU(name string, x *G.Node) *G.Node {
	if !g.ready(name, x) {
		return nil
	}
	return g.add(name, spec{
		kind: "relu", shape: x.Shape(), inPlace: []int{0},
		compute: func(out []float32, in arguments) error {
			g.engine.ReLUForward(out, in.floats[0])
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) G.Nodes {
			return G.Nodes{g.add(name+".dx", spec{
				kind: "relu dx", shape: in[0].Shape(), inPlace: []int{0},
				compute: func(out []float32, in arguments) error {
					g.engine.ReLUBackward(out, in.floats[0], in.floats[1])
					return nil
				},
			}, dy, y)}
		},
	}, x)
}

// L2Normalize divides each row of x (M,D) by max(‖x‖₂, 1e-12).
func (g *Graph) L2Normalize(name string, x *G.Node) *G.Node {
	if !g.shaped(name, "x", x, 2) {
		return nil
	}
	rows, d := x.Shape()[0], x.Shape()[1]
	norms := make([]float32, rows)
	return g.add(name, spec{
		kind: "l2norm", shape: []int{rows, d},
		compute: func(out []float32, in arguments) error {
			g.engine.L2NormalizeForward(rows, d, out, in.floats[0], norms)
			return nil
		},
		diff: func(_ G.Nodes, y, dy *G.Node) G.Nodes {
			return G.Nodes{g.add(name+".dx", spec{
				kind: "l2norm dx", shape: []int{rows, d}, inPlace: []int{0},
				compute: func(out []float32, in arguments) error {
					g.engine.L2NormalizeBackward(rows, d, out, in.floats[0], in.floats[1], norms)
					return nil
				},
			}, dy, y)}
		},
	}, x)
}
