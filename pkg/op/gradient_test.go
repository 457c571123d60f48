package op

import (
	"fmt"
	"math"
	"testing"

	"supcon/pkg/internal/numtest"
	"supcon/pkg/kernel"
	"supcon/pkg/loss"

	G "gorgonia.org/gorgonia"
)

// twin is an operation beside its definition in float64, straight from the
// formula.
type twin struct {
	name   string
	inputs []numtest.Array
	build  func(g *Graph, in []*G.Node) *G.Node // a scalar is its own loss
	naive  func(in [][]float64) []float64
}

var groups = []int{0, 1, 0, 2, 1, 0}

func twins() []twin {
	return []twin{
		{"conv", []numtest.Array{drawn(1, 2, 5, 4, 3), drawn(2, 3, 3, 3, 2)},
			func(g *Graph, in []*G.Node) *G.Node { return g.Conv("y", in[0], in[1], Geometry{2, 1}) },
			func(in [][]float64) []float64 {
				return naiveConv(kernel.ConvShape{N: 2, H: 5, W: 4, C: 3, K: 2, R: 3, S: 3, Stride: 2, Pad: 1}, in[0], in[1])
			}},
		normTwin("batchnorm", false, false), normTwin("batchnorm+relu", false, true),
		normTwin("batchnorm+residual", true, false), normTwin("batchnorm+residual+relu", true, true),
		{"fork", []numtest.Array{drawn(1, 6, 3), drawn(2, 3), drawn(3, 3)}, // x reaches y twice: its gradients are added
			func(g *Graph, in []*G.Node) *G.Node {
				x := g.ReLU("x'", in[0])
				return g.BatchNorm("y", x, in[1], in[2], x, NewNormState(3), true)
			},
			func(in [][]float64) []float64 {
				x := naiveReLU(in[0])
				return naiveNorm([][]float64{x, in[1], in[2], x}, true)
			}},
		{"maxpool", []numtest.Array{drawn(1, 2, 5, 5, 2)},
			func(g *Graph, in []*G.Node) *G.Node { return g.MaxPool("y", in[0], 3, Geometry{2, 1}) },
			func(in [][]float64) []float64 { return naiveMaxPool(2, 5, 2, in[0]) }},
		{"avgpool", []numtest.Array{drawn(1, 2, 3, 2, 4)},
			func(g *Graph, in []*G.Node) *G.Node { return g.GlobalAvgPool("y", in[0]) },
			func(in [][]float64) []float64 {
				y := make([]float64, 2*4)
				for i, x := range in[0] {
					y[i/(6*4)*4+i%4] += x / 6
				}
				return y
			}},
		{"relu", []numtest.Array{drawn(1, 7, 5)},
			func(g *Graph, in []*G.Node) *G.Node { return g.ReLU("y", in[0]) },
			func(in [][]float64) []float64 { return naiveReLU(in[0]) }},
		{"linear", []numtest.Array{drawn(1, 4, 3), drawn(2, 3, 5), drawn(3, 5)},
			func(g *Graph, in []*G.Node) *G.Node { return g.Linear("y", in[0], in[1], in[2]) },
			func(in [][]float64) []float64 {
				y := make([]float64, 4*5)
				for i := range y {
					y[i] = in[2][i%5]
					for k := range 3 {
						y[i] += in[0][i/5*3+k] * in[1][k*5+i%5]
					}
				}
				return y
			}},
		{"l2norm", []numtest.Array{drawn(1, 4, 3)},
			func(g *Graph, in []*G.Node) *G.Node { return g.L2Normalize("y", in[0]) },
			func(in [][]float64) []float64 {
				y := make([]float64, len(in[0]))
				for i := range y {
					row := in[0][i/3*3 : i/3*3+3]
					y[i] = in[0][i] / math.Sqrt(numtest.Dot(row, row))
				}
				return y
			}},
		lossTwin(loss.SimCLR), lossTwin(loss.SupCon), lossTwin(loss.SupConIn),
		{"crossentropy", []numtest.Array{drawn(1, 6, 3)},
			func(g *Graph, in []*G.Node) *G.Node {
				l, _ := g.CrossEntropy("y", in[0], g.bound(groups))
				return l
			},
			func(in [][]float64) []float64 {
				var mean float64
				for i, label := range groups {
					var sum float64
					for _, x := range in[0][i*3 : i*3+3] {
						sum += math.Exp(x)
					}
					mean += (math.Log(sum) - in[0][i*3+label]) / 6
				}
				return []float64{mean}
			}},
	}
}

// bound is an input of integers that has its value.
func (g *Graph) bound(values []int) *G.Node {
	n := g.Integers("integers", len(values))
	if err := BindIntegers(n, values); err != nil {
		g.fail("%w", err)
	}
	return n
}

func normTwin(name string, residual, relu bool) twin {
	t := twin{name, []numtest.Array{drawn(1, 2, 3, 2, 4), drawn(2, 4), drawn(3, 4)},
		func(g *Graph, in []*G.Node) *G.Node {
			var r *G.Node
			if residual {
				r = in[3]
			}
			return g.BatchNorm("y", in[0], in[1], in[2], r, NewNormState(4), relu)
		},
		func(in [][]float64) []float64 { return naiveNorm(in, relu) }}
	if residual {
		t.inputs = append(t.inputs, drawn(4, 2, 3, 2, 4))
	}
	return t
}

func lossTwin(v loss.Variant) twin {
	cfg := loss.Config{Variant: v, Temperature: 0.5, BaseTemperature: 0.2}
	return twin{string(v), []numtest.Array{drawn(1, 6, 3)},
		func(g *Graph, in []*G.Node) *G.Node {
			l, _ := g.Contrastive("y", in[0], g.bound(groups), cfg)
			return l
		},
		func(in [][]float64) []float64 {
			r, err := loss.Naive(cfg, in[0], groups, 3, 0, 6)
			if err != nil {
				panic(err)
			}
			return []float64{r.Loss}
		}}
}

func naiveReLU(x []float64) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		y[i] = max(x[i], 0)
	}
	return y
}

func naiveConv(s kernel.ConvShape, x, w []float64) []float64 {
	y := make([]float64, s.N*s.P()*s.Q()*s.K)
	for i := range y {
		k, q, p, n := i%s.K, i/s.K%s.Q(), i/s.K/s.Q()%s.P(), i/s.K/s.Q()/s.P()
		for r := range s.R {
			for c := range s.S {
				row, col := p*s.Stride+r-s.Pad, q*s.Stride+c-s.Pad
				if row < 0 || row >= s.H || col < 0 || col >= s.W {
					continue
				}
				for channel := range s.C {
					y[i] += x[((n*s.H+row)*s.W+col)*s.C+channel] * w[((r*s.S+c)*s.C+channel)*s.K+k]
				}
			}
		}
	}
	return y
}

// naiveNorm takes x, gamma, beta and perhaps a residual.
func naiveNorm(in [][]float64, relu bool) []float64 {
	x, gamma, beta := in[0], in[1], in[2]
	channels := len(gamma)
	rows := float64(len(x) / channels)
	y := make([]float64, len(x))
	for c := range channels {
		var mean, variance float64
		for i := c; i < len(x); i += channels {
			mean += x[i] / rows
		}
		for i := c; i < len(x); i += channels {
			variance += (x[i] - mean) * (x[i] - mean) / rows
		}
		for i := c; i < len(x); i += channels {
			y[i] = gamma[c]*(x[i]-mean)/math.Sqrt(variance+1e-5) + beta[c]
			if len(in) == 4 {
				y[i] += in[3][i]
			}
			if relu {
				y[i] = max(y[i], 0)
			}
		}
	}
	return y
}

// naiveMaxPool is 3×3 windows with stride 2 and padding 1 on square images.
func naiveMaxPool(n, side, channels int, x []float64) []float64 {
	out := (side + 1) / 2
	y := make([]float64, n*out*out*channels)
	for i := range y {
		c, q, p, image := i%channels, i/channels%out, i/channels/out%out, i/channels/out/out
		y[i] = math.Inf(-1)
		for row := max(0, 2*p-1); row < min(side, 2*p+2); row++ {
			for col := max(0, 2*q-1); col < min(side, 2*q+2); col++ {
				y[i] = max(y[i], x[((image*side+row)*side+col)*channels+c])
			}
		}
	}
	return y
}

func TestOperationsAgreeWithTheirTwins(t *testing.T) {
	everyEngine(t, func(t *testing.T, e *kernel.Engine) {
		for _, c := range twins() {
			for _, path := range paths {
				t.Run(c.name+"/"+path, func(t *testing.T) { c.check(t, e, path) })
			}
		}
	})
}

func (c twin) check(t *testing.T, e *kernel.Engine, path string) {
	g := NewGraph(e)
	var nodes []*G.Node
	var values [][]float64
	for i, a := range c.inputs {
		nodes = append(nodes, g.Parameter(fmt.Sprint("input", i), denseOf(a)))
		values = append(values, a.Data)
	}
	y := c.build(g, nodes)
	want := c.naive(values)
	dy := []float64{1}
	scalar := y
	if len(want) > 1 {
		a := drawn(9, y.Shape()...)
		dy, scalar = a.Data, g.against(y, a)
	}
	results := append([]*G.Node{y}, g.Gradients(scalar, nodes...)...)
	got := execute(t, g, path, results...)
	numtest.Close(t, "y", got[0], want, numtest.LayerFloat32)
	for i := range nodes {
		gradient := numtest.Differences(func() float64 { return numtest.Dot(c.naive(values), dy) }, values[i], 1e-5)
		numtest.Close(t, fmt.Sprint("gradient by input ", i), got[i+1], gradient, numtest.LayerFloat32)
	}
}

// The inference convolution has no gradient: its value on both paths.
func TestConvInference(t *testing.T) {
	x, w, b, r := drawn(1, 2, 5, 5, 3), drawn(2, 3, 3, 3, 4), drawn(3, 4), drawn(4, 2, 5, 5, 4)
	want := naiveConv(kernel.ConvShape{N: 2, H: 5, W: 5, C: 3, K: 4, R: 3, S: 3, Stride: 1, Pad: 1}, x.Data, w.Data)
	for i := range want {
		want[i] = max(0, want[i]+b.Data[i%4]+r.Data[i])
	}
	everyEngine(t, func(t *testing.T, e *kernel.Engine) {
		for _, path := range paths {
			g := NewGraph(e)
			y := g.ConvInference("y", g.Parameter("x", denseOf(x)), g.Parameter("w", denseOf(w)),
				g.Parameter("b", denseOf(b)), g.Parameter("r", denseOf(r)), Geometry{1, 1}, true)
			numtest.Close(t, path, execute(t, g, path, y)[0], want, numtest.LayerFloat32)
		}
	})
}
