package kernel

import "math"

var genericStrips = strips{
	relu: reluGo, reluGrad: reluGradGo, add: addGo, addBias: addBiasGo, columnSums: columnSumsGo,
	moments: momentsGo, normalize: normalizeGo, normSums: normSumsGo, normGrad: normGradGo,
	maxPool: maxPoolGo, maxPoolGrad: maxPoolGradGo, transpose: transposeGo, dot: dotGo, axpy: axpyGo, lerp: lerpGo, scale: scaleGo, sgd: sgdGo, adamW: adamWGo, maxRow: maxRowGo, expSum: expSumGo,
	winograd: winogradGo,
}

// reluGo: y = max(x, 0).
func reluGo(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = max(v, 0)
	}
}

// reluGradGo: dx = dy where y > 0, else 0.
func reluGradGo(dx, dy, y []float32) {
	dx, y = dx[:len(dy)], y[:len(dy)]
	for i, g := range dy {
		if !(y[i] > 0) {
			g = 0
		}
		dx[i] = g
	}
}

// addGo: dst = a + b.
func addGo(dst, a, b []float32) {
	dst, b = dst[:len(a)], b[:len(a)]
	for i, v := range a {
		dst[i] = v + b[i]
	}
}

// addBiasGo: y[r,c] += bias[c].
func addBiasGo(rows, c int, y, bias []float32) {
	for r := range rows {
		addGo(y[r*c:][:c], y[r*c:][:c], bias[:c])
	}
}

// columnSumsGo: sums[c] += Σ_r x[r,c].
func columnSumsGo(rows, c int, sums, x []float32) {
	for r := range rows {
		addGo(sums[:c], x[r*c:][:c], sums[:c])
	}
}

// axpyGo: y += alpha·x.
func axpyGo(y []float32, alpha float32, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += alpha * v
	}
}

// lerpGo: y += alpha·(x − y).
func lerpGo(y []float32, alpha float32, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += alpha * (v - y[i])
	}
}

// scaleGo: y = alpha·x.
func scaleGo(y []float32, alpha float32, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = alpha * v
	}
}

// dotGo: Σ a·b in eight sums, as a vector register would add.
func dotGo(a, b []float32) float32 {
	var s [8]float32
	b = b[:len(a)]
	for len(a) >= 8 {
		u, v := a[:8:8], b[:8:8]
		for j, x := range u {
			s[j] += x * v[j]
		}
		a, b = a[8:], b[8:]
	}
	for j, x := range a {
		s[j] += x * b[j]
	}
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

// sgdGo: d = scale·g + wd·p; v = momentum·v + d; p −= lr·(v, or d + momentum·v with Nesterov).
func sgdGo(p, v, g []float32, s *SGDStep) {
	v, g = v[:len(p)], g[:len(p)]
	for i, w := range p {
		d := s.Scale*g[i] + s.WeightDecay*w
		v[i] = s.Momentum*v[i] + d
		u := v[i]
		if s.Nesterov {
			u = d + s.Momentum*u
		}
		p[i] = w - s.LR*u
	}
}

// adamWGo: d = scale·g; m += weight1·(d − m); v += weight2·(d² − v); p −= decay·p; p −= lr·m/(√v + eps).
func adamWGo(p, m, v, g []float32, s *adamWStep) {
	m, v, g = m[:len(p)], v[:len(p)], g[:len(p)]
	for i, w := range p {
		d := s.scale * g[i]
		m[i] += s.weight1 * (d - m[i])
		v[i] += s.weight2 * (d*d - v[i])
		w -= s.decay * w
		p[i] = w - s.lr*(m[i]/(float32(math.Sqrt(float64(v[i])))+s.eps))
	}
}

// maxRowGo: the largest of x, −∞ when x is empty.
func maxRowGo(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

// expSumGo: dst = exp(scale·(src − max)); it returns the sum of dst.
func expSumGo(dst, src []float32, scale, max float32) float32 {
	var s [8]float32
	dst = dst[:len(src)]
	for i, v := range src {
		u := float32(math.Exp(float64(scale * (v - max))))
		dst[i] = u
		s[i&7] += u
	}
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

// transposeGo: dst[j·ldd+i] = src[i·lds+j] for i < rows, j < cols.
func transposeGo(rows, cols int, dst []float32, ldd int, src []float32, lds int) {
	const side = 8 // of a block that is turned within the first cache
	for i0 := 0; i0 < rows; i0 += side {
		for j := range cols {
			to := dst[j*ldd:]
			for i := i0; i < min(i0+side, rows); i++ {
				to[i] = src[i*lds+j]
			}
		}
	}
}
