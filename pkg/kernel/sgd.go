package kernel

// SGD updates parameters p and momenta v by gradients g in one pass, as torch.optim.SGD does:
//
//	d = g + weightDecay·p;  v = momentum·v + d;  p −= lr·(v, or d + momentum·v with nesterov)
//
// v that starts at zero is torch's first step, v = d.
func (e *Engine) SGD(p, v, g []float32, lr, momentum, weightDecay float32, nesterov bool) {
	v, g = v[:len(p)], g[:len(p)]
	s := &sgdStep{lr: lr, momentum: momentum, weightDecay: weightDecay, nesterov: nesterov}
	e.elementwise(len(p), func(lo, hi int) { e.k.sgd(p[lo:hi], v[lo:hi], g[lo:hi], s) })
}

const norm2Len = 4096 // floats of one piece of Norm2: short enough for float32 sums

// Norm2 is ‖x‖², summed over fixed pieces in a fixed order.
func (e *Engine) Norm2(x []float32) float64 {
	pieces := blocks(len(x), norm2Len)
	e.reserve(pieces, 0)
	partial := e.shared[:pieces]
	e.each(pieces, func(_ *worker, i int) {
		lo, hi := block(len(x), norm2Len, i)
		partial[i] = e.k.dot(x[lo:hi], x[lo:hi])
	})
	var sum float64
	for _, s := range partial {
		sum += float64(s)
	}
	return sum
}
