package eval

import (
	"math"
	"slices"

	"supcon/pkg/kernel"
)

// logistic is the objective of multinomial logistic regression,
//
//	f(W, b) = 1/n · Σ_i −log softmax(x_i·W + b)[y_i] + λ/2n · ‖W‖²,
//
// as a function of θ = (U, b) with W = R⁻¹·U (see preconditioner): x (n, d), W and
// U (d, C), b (C). Divided by λ it is scikit-learn's with C = 1/λ; λ = 1 is the
// weight decay that the reference script of the peer uses.
type logistic struct {
	e       *kernel.Engine
	x       []float32 // (n, d), standardised
	labels  []int
	d, c    int
	lambda  float64
	precond *preconditioner

	at    []float64 // θ of the last evaluation
	value float64   // its f
	grad  []float64 // its ∂f/∂θ

	weights []float64 // W (d, C)
	w32     []float32
	logits  []float32 // (rowBlock, C), then their gradient
	product []float32 // (d, C): one block's part of the gradient
	partial []float64 // per task: the loss and C bias gradients
}

func newLogistic(e *kernel.Engine, x []float32, labels []int, d, c int, lambda float64, p *preconditioner) *logistic {
	return &logistic{
		e: e, x: x, labels: labels, d: d, c: c, lambda: lambda, precond: p,
		grad:    make([]float64, d*c+c),
		weights: make([]float64, d*c),
		w32:     make([]float32, d*c),
		logits:  make([]float32, rowBlock*c),
		product: make([]float32, d*c),
		partial: make([]float64, softmaxTasks*(1+c)),
	}
}

// softmaxRows is how many rows of a block one task takes.
const (
	softmaxRows  = 128
	softmaxTasks = rowBlock / softmaxRows
)

// Func returns f(θ).
func (l *logistic) Func(theta []float64) float64 {
	l.evaluate(theta)
	return l.value
}

// Grad writes ∂f/∂θ.
func (l *logistic) Grad(grad, theta []float64) {
	l.evaluate(theta)
	copy(grad, l.grad)
}

// evaluate computes value and gradient together, once for both questions.
func (l *logistic) evaluate(theta []float64) {
	if slices.Equal(l.at, theta) {
		return
	}
	l.at = append(l.at[:0], theta...)
	dc := l.d * l.c
	copy(l.weights, theta[:dc])
	l.precond.toWeights(l.weights, l.c)
	for i, w := range l.weights {
		l.w32[i] = float32(w)
	}
	clear(l.grad)
	loss := 0.0
	for lo := 0; lo < len(l.labels); lo += rowBlock {
		loss += l.block(lo, min(len(l.labels), lo+rowBlock), theta[dc:])
	}
	scale, decay, norm := 1/float64(len(l.labels)), l.lambda/float64(len(l.labels)), 0.0
	for i := range l.grad {
		l.grad[i] *= scale
	}
	for i, w := range l.weights {
		l.grad[i] += decay * w
		norm += w * w
	}
	l.precond.toGradient(l.grad[:dc], l.c)
	l.value = loss*scale + decay/2*norm
}

// block adds the gradient of rows lo…hi to grad, not yet divided by n, and
// returns their loss.
func (l *logistic) block(lo, hi int, bias []float64) float64 {
	rows, x := hi-lo, l.x[lo*l.d:hi*l.d]
	logits := l.logits[:rows*l.c]
	l.e.Gemm(kernel.GemmShape{M: rows, N: l.c, K: l.d}, logits, x, l.w32)
	tasks := (rows + softmaxRows - 1) / softmaxRows
	clear(l.partial)
	l.e.Parallel(tasks, func(i int) {
		partial := l.partial[i*(1+l.c) : (i+1)*(1+l.c)]
		for row := i * softmaxRows; row < min(rows, (i+1)*softmaxRows); row++ {
			partial[0] += softmaxGradient(logits[row*l.c:(row+1)*l.c], bias, l.labels[lo+row], partial[1:])
		}
	})
	l.e.Gemm(kernel.GemmShape{M: l.d, N: l.c, K: rows, TransA: true}, l.product, x, logits)
	for i, g := range l.product {
		l.grad[i] += float64(g)
	}
	loss := 0.0
	for i := range tasks {
		partial := l.partial[i*(1+l.c) : (i+1)*(1+l.c)]
		loss += partial[0]
		for k, g := range partial[1:] {
			l.grad[l.d*l.c+k] += g
		}
	}
	return loss
}

// softmaxGradient returns −log p[y], p = softmax(logits + bias), and puts
// p − 1[·=y] in the place of the logits and adds it to sums.
func softmaxGradient(logits []float32, bias []float64, y int, sums []float64) float64 {
	top := math.Inf(-1)
	for k, s := range logits {
		top = max(top, float64(s)+bias[k])
	}
	target := float64(logits[y]) + bias[y]
	sum := 0.0
	for k, s := range logits {
		p := math.Exp(float64(s) + bias[k] - top)
		logits[k] = float32(p)
		sum += p
	}
	for k, p := range logits {
		g := float64(p) / sum
		if k == y {
			g--
		}
		logits[k] = float32(g)
		sums[k] += g
	}
	return math.Log(sum) + top - target
}
