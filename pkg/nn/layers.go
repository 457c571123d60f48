package nn

import (
	"math"

	"supcon/pkg/kernel"
	"supcon/pkg/op"

	G "gorgonia.org/gorgonia"
)

// Conv is a convolution without bias.
type Conv struct {
	weight   *Param // (R,S,C,K)
	geometry op.Geometry
}

// NewConv declares name.weight, size×size filters from c to k channels.
func NewConv(s *Params, name string, size, c, k, stride, pad int) *Conv {
	weight := s.add(name+".weight", true, kaimingNormal(k*size*size), size, size, c, k)
	return &Conv{weight, op.Geometry{Stride: stride, Pad: pad}}
}

// BatchNorm is a batch normalisation with trained scale and shift.
type BatchNorm struct {
	gamma, beta *Param // (C)
	state       *op.NormState
}

// NewBatchNorm declares name.weight = 1, name.bias = 0 and the running
// statistics.
func NewBatchNorm(s *Params, name string, channels int) *BatchNorm {
	return &BatchNorm{
		gamma: s.add(name+".weight", false, constant(1), channels),
		beta:  s.add(name+".bias", false, constant(0), channels),
		state: s.addNorm(name, channels),
	}
}

// NewShiftNorm is NewBatchNorm with a scale that stays 1: only the shift is trained. It is the norm
// for a pooled ConvNorm.
func NewShiftNorm(s *Params, name string, channels int) *BatchNorm {
	return &BatchNorm{
		gamma: s.addFixed(name+".weight", 1, channels),
		beta:  s.add(name+".bias", false, constant(0), channels),
		state: s.addNorm(name, channels),
	}
}

// NewScaleNorm is NewBatchNorm with a shift that stays 0: the mean over a batch is zero in every
// column, so that rows cannot all go one way.
func NewScaleNorm(s *Params, name string, channels int) *BatchNorm {
	return &BatchNorm{
		gamma: s.add(name+".weight", false, constant(1), channels),
		beta:  s.addFixed(name+".bias", 0, channels),
		state: s.addNorm(name, channels),
	}
}

// ConvNorm is the unit encoders are made of: relu?(norm(conv(x)) + residual), or with Pool
// relu?(norm(maxpool2(conv(x)))), which norms a quarter of the pixels. Pooling needs a shift norm:
// a scale above zero and a ReLU can change places with a maximum, so that inference folds the norm
// into the convolution here too.
type ConvNorm struct {
	Conv *Conv
	Norm *BatchNorm
	ReLU bool
	Pool bool // 2×2 with stride 2; no residual
}

// Forward puts the unit into the graph. residual may be nil.
func (u *ConvNorm) Forward(g *Graph, x, residual *G.Node) *G.Node {
	name, norm := u.Conv.weight.Name, u.Norm.gamma.Name
	if !g.training {
		return u.inference(g, name, x, residual)
	}
	y := g.Conv(name+"/conv", x, g.node(u.Conv.weight), u.Conv.geometry)
	if u.Pool {
		y = g.MaxPool(name+"/maxpool", y, 2, op.Geometry{Stride: 2})
	}
	return g.BatchNorm(norm+"/norm", y, g.node(u.Norm.gamma), g.node(u.Norm.beta), residual, u.Norm.state, u.ReLU)
}

// inference makes one convolution of the unit; its weights are the fold's own.
func (u *ConvNorm) inference(g *Graph, name string, x, residual *G.Node) *G.Node {
	w, b := g.folded(name, u, u.Conv.weight.Shape)
	y := g.ConvInference(name+"/conv", x, w, b, residual, u.Conv.geometry, u.ReLU)
	if u.Pool {
		y = g.MaxPool(name+"/maxpool", y, 2, op.Geometry{Stride: 2})
	}
	return y
}

// fold writes the convolution's weights with the running statistics folded in.
func (u *ConvNorm) fold(e *kernel.Engine, weight, bias []float32) {
	u.Norm.fold(e, u.Conv.weight, nil, weight, bias)
}

// fold writes weights (…,K) and a bias that make the norm of the running statistics part of what is
// before it, with weights w (…,K) and a bias b (K), nil for none:
//
//	w'[…,k] = w[…,k]·s_k,  b'_k = β_k + (b_k − mean_k)·s_k,  s_k = γ_k/√(variance_k+ε)
func (n *BatchNorm) fold(e *kernel.Engine, w *Param, b []float32, weight, bias []float32) {
	gamma, beta, state := n.gamma.Value.Float32s(), n.beta.Value.Float32s(), n.state
	k := len(bias)
	s := make([]float32, k)
	for i := range s {
		exact := float64(gamma[i]) / math.Sqrt(float64(state.Variance[i])+state.Eps)
		s[i] = float32(exact)
		offset := -float64(state.Mean[i])
		if b != nil {
			offset += float64(b[i])
		}
		bias[i] = float32(float64(beta[i]) + offset*exact)
	}
	from := w.Value.Float32s()
	e.Parallel(len(from)/k, func(row int) {
		w, out := from[row*k:(row+1)*k], weight[row*k:(row+1)*k]
		for i := range out {
			out[i] = w[i] * s[i]
		}
	})
}

// Linear is x·w + b.
type Linear struct {
	weight, bias *Param // (in,out), (out)
}

// NewLinear declares name.weight and name.bias.
func NewLinear(s *Params, name string, in, out int) *Linear {
	return &Linear{
		weight: s.add(name+".weight", true, linearUniform(in), in, out),
		bias:   s.add(name+".bias", false, linearUniform(in), out),
	}
}

// Forward puts the layer into the graph; x is (M,in).
func (l *Linear) Forward(g *Graph, x *G.Node) *G.Node {
	return g.Linear(l.weight.Name+"/linear", x, g.node(l.weight), g.node(l.bias))
}

// LinearNorm is relu?(norm(x·w + b)), the unit of projection heads with batch norms.
type LinearNorm struct {
	Linear *Linear
	Norm   *BatchNorm
	ReLU   bool
}

// Forward puts the unit into the graph; x is (M,in).
func (u *LinearNorm) Forward(g *Graph, x *G.Node) *G.Node {
	name, norm := u.Linear.weight.Name, u.Norm.gamma.Name
	if g.training {
		return g.BatchNorm(norm+"/norm", u.Linear.Forward(g, x), g.node(u.Norm.gamma), g.node(u.Norm.beta), nil, u.Norm.state, u.ReLU)
	}
	w, b := g.folded(name, u, u.Linear.weight.Shape)
	y := g.Linear(name+"/linear", x, w, b)
	if u.ReLU {
		y = g.ReLU(norm+"/relu", y)
	}
	return y
}

func (u *LinearNorm) fold(e *kernel.Engine, weight, bias []float32) {
	u.Norm.fold(e, u.Linear.weight, u.Linear.bias.Value.Float32s(), weight, bias)
}
