package kernel

// momentsGo: sum[c] += Σ_r d, square[c] += Σ_r d², d = x[r,c] − pivot[c].
func momentsGo(rows, c int, sum, square, x, pivot []float32) {
	sum, square, pivot = sum[:c], square[:c], pivot[:c]
	for r := range rows {
		for j, v := range x[r*c:][:c] {
			d := v - pivot[j]
			sum[j] += d
			square[j] += d * d
		}
	}
}

// normalizeGo: y = relu?((x − mean)·scale + shift + residual); residual may be nil.
func normalizeGo(rows, c int, y, x, residual, mean, scale, shift []float32, mode normMode) {
	mean, scale, shift = mean[:c], scale[:c], shift[:c]
	for r := range rows {
		out := y[r*c:][:c]
		for j, v := range x[r*c:][:c] {
			u := (v-mean[j])*scale[j] + shift[j]
			if residual != nil {
				u += residual[r*c+j]
			}
			if mode.relu {
				u = max(u, 0)
			}
			out[j] = u
		}
	}
}

// normSumsGo: sumDy[c] += Σ_r g, sumDyX[c] += Σ_r g·(x[r,c] − mean[c]), where g is dy, or 0 where
// y is given and not positive.
func normSumsGo(rows, c int, sumDy, sumDyX, dy, y, x, mean []float32) {
	sumDy, sumDyX, mean = sumDy[:c], sumDyX[:c], mean[:c]
	for r := range rows {
		in := x[r*c:][:c]
		for j, g := range dy[r*c:][:c] {
			if y != nil && !(y[r*c+j] > 0) {
				g = 0
			}
			sumDy[j] += g
			sumDyX[j] += g * (in[j] - mean[j])
		}
	}
}

// normGradGo: dx = scale·(g − meanDy − (x − mean)·slope) and dresidual = g, with g as in normSumsGo.
func normGradGo(rows, c int, dx, dresidual, dy, y, x []float32, n *normCoefficients) {
	scale, meanDy, mean, slope := n.scale[:c], n.meanDy[:c], n.mean[:c], n.slope[:c]
	for r := range rows {
		out, in := dx[r*c:][:c], x[r*c:][:c]
		for j, g := range dy[r*c:][:c] {
			if y != nil && !(y[r*c+j] > 0) {
				g = 0
			}
			v := in[j]
			if dresidual != nil {
				dresidual[r*c+j] = g
			}
			out[j] = scale[j] * (g - meanDy[j] - (v-mean[j])*slope[j])
		}
	}
}

// maxPoolGo: y[c] = the largest x[at+c] over the window, argmax[c] = the place of the first that is.
func maxPoolGo(c int, y []float32, argmax []uint8, window []windowPixel, x []float32) {
	y, argmax = y[:c], argmax[:c]
	first := window[0]
	copy(y, x[first.at:][:c])
	for j := range argmax {
		argmax[j] = first.index
	}
	for _, pixel := range window[1:] {
		for j, v := range x[pixel.at:][:c] {
			if v > y[j] {
				y[j], argmax[j] = v, pixel.index
			}
		}
	}
}

// maxPoolGradGo: dx[w.at+c] += dy[c] for the pixel w of the window whose index argmax[c] is.
func maxPoolGradGo(c int, dx []float32, window []windowPixel, dy []float32, argmax []uint8) {
	dy, argmax = dy[:c], argmax[:c]
	for _, pixel := range window {
		out := dx[pixel.at:][:c]
		for j, place := range argmax {
			if place == pixel.index {
				out[j] += dy[j]
			}
		}
	}
}
