//go:build !purego

package kernel

// normForms are the four forms of a normalisation strip.
type normForms struct {
	plain, relu       asmNorm
	add, addReLU      asmNormAdd
	sums              asmSums
	sumsReLU          asmSumsReLU
	grad              func(rows, c int, dx, dy, x, scale, meanDy, mean, slope *float32)
	gradReLU, gradAdd func(rows, c int, dx, dy, x, third, scale, meanDy, mean, slope *float32)
	gradAddReLU       func(rows, c int, dx, dy, x, dresidual, y, scale, meanDy, mean, slope *float32)
}

func (f *normForms) normalize(rows, c int, y, x, residual, mean, scale, shift []float32, relu bool) {
	n := rows * c
	y, x, mean, scale, shift = y[:n], x[:n], mean[:c], scale[:c], shift[:c]
	raceRead(x)
	raceWrite(y)
	if residual != nil {
		residual = residual[:n]
		raceRead(residual)
		form := f.add
		if relu {
			form = f.addReLU
		}
		form(rows, c, at(y), at(x), at(residual), at(mean), at(scale), at(shift))
		return
	}
	form := f.plain
	if relu {
		form = f.relu
	}
	form(rows, c, at(y), at(x), at(mean), at(scale), at(shift))
}

func (f *normForms) normSums(rows, c int, sumDy, sumDyX, dy, y, x, mean []float32) {
	n := rows * c
	sumDy, sumDyX, dy, x, mean = sumDy[:c], sumDyX[:c], dy[:n], x[:n], mean[:c]
	raceRead(dy)
	raceRead(x)
	raceWrite(sumDy)
	raceWrite(sumDyX)
	if y != nil {
		y = y[:n]
		raceRead(y)
		f.sumsReLU(rows, c, at(sumDy), at(sumDyX), at(dy), at(x), at(y), at(mean))
		return
	}
	f.sums(rows, c, at(sumDy), at(sumDyX), at(dy), at(x), at(mean))
}

func (f *normForms) normGrad(rows, c int, dx, dresidual, dy, y, x []float32, k *normCoefficients) {
	n := rows * c
	dx, dy, x = dx[:n], dy[:n], x[:n]
	scale, meanDy, mean, slope := at(k.scale[:c]), at(k.meanDy[:c]), at(k.mean[:c]), at(k.slope[:c])
	raceRead(dy)
	raceRead(x)
	raceWrite(dx)
	if y != nil {
		y = y[:n]
		raceRead(y)
	}
	if dresidual != nil {
		dresidual = dresidual[:n]
		raceWrite(dresidual)
	}
	switch {
	case y != nil && dresidual != nil:
		f.gradAddReLU(rows, c, at(dx), at(dy), at(x), at(dresidual), at(y), scale, meanDy, mean, slope)
	case y != nil:
		f.gradReLU(rows, c, at(dx), at(dy), at(x), at(y), scale, meanDy, mean, slope)
	case dresidual != nil:
		f.gradAdd(rows, c, at(dx), at(dy), at(x), at(dresidual), scale, meanDy, mean, slope)
	default:
		f.grad(rows, c, at(dx), at(dy), at(x), scale, meanDy, mean, slope)
	}
}
