//go:build !purego

package kernel

// normForms are the forms of the normalisation strips: with stores through the cache and past it.
type normForms struct {
	normStores
	past     *normStores
	sums     asmSums
	sumsReLU asmSumsReLU
}

// normStores are the forms that store rows.
type normStores struct {
	plain, relu       asmNorm
	add, addReLU      asmNormAdd
	grad              func(rows, c int, dx, dy, x, scale, meanDy, mean, slope *float32)
	gradReLU, gradAdd func(rows, c int, dx, dy, x, third, scale, meanDy, mean, slope *float32)
	gradAddReLU       func(rows, c int, dx, dy, x, dresidual, y, scale, meanDy, mean, slope *float32)
}

func (f *normForms) normalize(rows, c int, y, x, residual, mean, scale, shift []float32, mode normMode) {
	n := rows * c
	y, x, mean, scale, shift = y[:n], x[:n], mean[:c], scale[:c], shift[:c]
	raceRead(x)
	raceWrite(y)
	forms := &f.normStores
	if mode.past && c%16 == 0 && isAligned(y) {
		forms = f.past
	}
	if residual != nil {
		residual = residual[:n]
		raceRead(residual)
		form := forms.add
		if mode.relu {
			form = forms.addReLU
		}
		form(rows, c, at(y), at(x), at(residual), at(mean), at(scale), at(shift))
		return
	}
	form := forms.plain
	if mode.relu {
		form = forms.relu
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
	forms := &f.normStores
	if k.past && c%16 == 0 && isAligned(dx) && (dresidual == nil || isAligned(dresidual)) {
		forms = f.past
	}
	switch {
	case y != nil && dresidual != nil:
		forms.gradAddReLU(rows, c, at(dx), at(dy), at(x), at(dresidual), at(y), scale, meanDy, mean, slope)
	case y != nil:
		forms.gradReLU(rows, c, at(dx), at(dy), at(x), at(y), scale, meanDy, mean, slope)
	case dresidual != nil:
		forms.gradAdd(rows, c, at(dx), at(dy), at(x), at(dresidual), scale, meanDy, mean, slope)
	default:
		forms.grad(rows, c, at(dx), at(dy), at(x), scale, meanDy, mean, slope)
	}
}
