package op

import (
	"supcon/pkg/loss"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// LossConfig says which contrastive loss.
type LossConfig = loss.Config

// LossValue is what a run gives of a loss beside its node.
type LossValue = loss.Value

// Contrastive is the loss of Eq. 1–3 on the rows of z (M,D), all of them
// anchors, with groups (M) as loss.Groups fills it. The value that is returned
// beside the node is overwritten by each run.
func (g *Graph) Contrastive(name string, z, groups *G.Node, cfg LossConfig) (*G.Node, *LossValue) {
	if !g.shaped(name, "z", z, 2) || !g.labels(name, groups, z.Shape()[0]) {
		return nil, nil
	}
	l, err := loss.New(g.engine, cfg)
	if err != nil {
		if g.err == nil {
			g.err = err
		}
		return nil, nil
	}
	m, d := z.Shape()[0], z.Shape()[1]
	value := new(LossValue)
	return g.add(name, spec{
		kind: string(cfg.Variant), flops: 2 * float64(m) * float64(m) * float64(d),
		compute: func(out []float32, in arguments) (err error) {
			*value, err = l.Forward(in.floats[0], in.ints[1], d, 0, m)
			out[0] = float32(value.Loss)
			return err
		},
		diff: func(in G.Nodes, out, grad *G.Node) G.Nodes {
			return G.Nodes{g.add(name+".dz", spec{
				kind: string(cfg.Variant) + " dz", shape: []int{m, d}, flops: 4 * float64(m) * float64(m) * float64(d),
				compute: func(dz []float32, in arguments) error {
					if err := l.Backward(dz); err != nil {
						return err
					}
					scale(dz, in.floats[2][0])
					return nil
				},
			}, in[0], out, grad), nil}
		},
	}, z, groups), value
}

// CrossEntropy is the mean over the rows of logits (M,classes) of
// −log softmax(row)[label]. Beside the loss the value counts the rows whose
// largest logit is the label's.
func (g *Graph) CrossEntropy(name string, logits, labels *G.Node) (*G.Node, *LossValue) {
	if !g.shaped(name, "logits", logits, 2) || !g.labels(name, labels, logits.Shape()[0]) {
		return nil, nil
	}
	m, classes := logits.Shape()[0], logits.Shape()[1]
	l := loss.NewCrossEntropy(g.engine, classes)
	value := new(LossValue)
	return g.add(name, spec{
		kind: "crossentropy",
		compute: func(out []float32, in arguments) (err error) {
			*value, err = l.Forward(in.floats[0], in.ints[1])
			out[0] = float32(value.Loss)
			return err
		},
		diff: func(in G.Nodes, out, grad *G.Node) G.Nodes {
			return G.Nodes{g.add(name+".dlogits", spec{
				kind: "crossentropy dlogits", shape: []int{m, classes},
				compute: func(dlogits []float32, in arguments) error {
					if err := l.Backward(dlogits); err != nil {
						return err
					}
					scale(dlogits, in.floats[2][0])
					return nil
				},
			}, in[0], out, grad), nil}
		},
	}, logits, labels), value
}

// labels fails building unless n is a vector of m integers.
func (g *Graph) labels(name string, n *G.Node, m int) bool {
	if !g.ready(name, n) {
		return false
	}
	if n.Dtype() != tensor.Int || len(n.Shape()) != 1 || n.Shape()[0] != m {
		g.fail("%s: the labels are %v of shape %v; they have to be %d integers", name, n.Dtype(), n.Shape(), m)
	}
	return g.err == nil
}

// scale multiplies by the gradient that arrives at a loss, which is 1 when the
// loss is what is minimised.
func scale(x []float32, by float32) {
	if by == 1 {
		return
	}
	for i := range x {
		x[i] *= by
	}
}
