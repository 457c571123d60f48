package op

import (
	"supcon/pkg/kernel"

	G "gorgonia.org/gorgonia"
)

// NormState is the running statistics of one batch norm. It belongs to the
// model; every graph of the model shares it, and each run of a training graph
// updates it.
type NormState struct {
	Mean, Variance []float32 // (C), the running mean and unbiased variance
	Batches        int64     // how many batches are in them: num_batches_tracked
	Momentum, Eps  float64
}

// NewNormState returns PyTorch's starting point: mean 0, variance 1, momentum
// 0.1, ε = 1e-5.
func NewNormState(channels int) *NormState {
	s := &NormState{Mean: make([]float32, channels), Variance: make([]float32, channels), Momentum: 0.1, Eps: 1e-5}
	for c := range s.Variance {
		s.Variance[c] = 1
	}
	return s
}

// update mixes in the statistics of a batch of n rows, the variance made
// unbiased by n/(n−1) as PyTorch does.
func (s *NormState) update(mean, variance []float32, n int) {
	unbiased := float64(n) / float64(max(n-1, 1))
	for c := range s.Mean {
		s.Mean[c] = float32((1-s.Momentum)*float64(s.Mean[c]) + s.Momentum*float64(mean[c]))
		s.Variance[c] = float32((1-s.Momentum)*float64(s.Variance[c]) + s.Momentum*unbiased*float64(variance[c]))
	}
	s.Batches++
}

// norm is what the forward and the backward pass of one batch norm share.
type norm struct {
	shape                  kernel.NormShape
	mean, variance, invStd []float32
}

// BatchNorm normalises x (…,C) with the statistics of the batch and updates the
// running ones:
//
//	y = relu?(γ·(x−mean)/√(variance+ε) + β + residual)
//
// with the biased variance. gamma and beta are (C); residual, which may be nil,
// has x's shape. Source: Ioffe & Szegedy 2015, arXiv 1502.03167, Algorithm 1.
func (g *Graph) BatchNorm(name string, x, gamma, beta, residual *G.Node, state *NormState, relu bool) *G.Node {
	if !g.ready(name, x, gamma, beta) {
		return nil
	}
	shape := x.Shape()
	c := shape[len(shape)-1]
	if !g.shaped(name, "x", x, len(shape)) || !g.sized(name, "gamma", gamma, c) || !g.sized(name, "beta", beta, c) {
		return nil
	}
	if len(state.Mean) != c {
		return g.fail("%s: running statistics of %d channels for %d", name, len(state.Mean), c)
	}
	inputs := []*G.Node{x, gamma, beta}
	if residual != nil {
		if !g.sized(name, "residual", residual, shape...) {
			return nil
		}
		inputs = append(inputs, residual)
	}
	n := &norm{
		shape: kernel.NormShape{Rows: shape.TotalSize() / c, C: c, Eps: float32(state.Eps), ReLU: relu},
		mean:  make([]float32, c), variance: make([]float32, c), invStd: make([]float32, c),
	}
	y := g.add(name, spec{
		kind: "batchnorm", shape: shape,
		compute: func(out []float32, in arguments) error {
			var res []float32
			if residual != nil {
				res = in.floats[3]
			}
			g.engine.BatchNormForward(n.shape, out, in.floats[0], res, in.floats[1], in.floats[2], n.mean, n.variance, n.invStd)
			state.update(n.mean, n.variance, n.shape.Rows)
			return nil
		},
		diff: func(in G.Nodes, y, dy *G.Node) G.Nodes { return g.batchNormGradient(name, n, in, y, dy) },
	}, inputs...)
	if residual == nil {
		g.makeAgain[y] = func() *G.Node { return g.normAgain(name, n, x, gamma, beta) }
	}
	return y
}

// normAgain computes the output of a batch norm once more from the statistics
// of the batch, which it does not touch.
func (g *Graph) normAgain(name string, n *norm, x, gamma, beta *G.Node) *G.Node {
	return g.add(name+".again", spec{
		kind: "batchnorm again", shape: x.Shape(),
		compute: func(out []float32, in arguments) error {
			g.engine.BatchNormInference(n.shape, out, in.floats[0], nil, in.floats[1], in.floats[2], n.mean, n.variance)
			return nil
		},
	}, x, gamma, beta)
}

// batchNormGradient computes dx, dγ, dβ and the residual's gradient at once;
// all but dx are side results. dx may lie where dy did.
func (g *Graph) batchNormGradient(name string, n *norm, in G.Nodes, y, dy *G.Node) G.Nodes {
	dgamma, dbeta := &buffer{shape: in[1].Shape()}, &buffer{shape: in[2].Shape()}
	side := []*buffer{dgamma, dbeta}
	var dresidual *buffer
	if len(in) == 4 {
		dresidual = &buffer{shape: in[3].Shape()}
		side = append(side, dresidual)
	}
	dx := g.add(name+".dx", spec{
		kind: "batchnorm dx", shape: in[0].Shape(), side: side, inPlace: []int{0},
		compute: func(out []float32, in arguments) error {
			var dr []float32
			if dresidual != nil {
				dr = dresidual.tensor().Float32s()
			}
			g.engine.BatchNormBackward(n.shape, out, dr, dgamma.tensor().Float32s(), dbeta.tensor().Float32s(),
				in.floats[0], in.floats[1], in.floats[2], in.floats[3], n.mean, n.invStd)
			return nil
		},
	}, dy, g.madeAgain(y), in[0], in[1])
	grads := G.Nodes{dx, g.fetch(name+".dgamma", dx, dgamma), g.fetch(name+".dbeta", dx, dbeta)}
	if dresidual != nil {
		grads = append(grads, g.fetch(name+".dresidual", dx, dresidual))
	}
	return grads
}
