//go:build !purego

package kernel

// The micro-kernels by height. A tile no wider than half a panel takes the half that costs half.

var direct512x32 = [...]func(*tile){
	tileDirect512x1x32,
	tileDirect512x2x32,
	tileDirect512x3x32,
	tileDirect512x4x32,
	tileDirect512x5x32,
	tileDirect512x6x32,
	tileDirect512x7x32,
	tileDirect512x8x32,
	tileDirect512x9x32,
	tileDirect512x10x32,
	tileDirect512x11x32,
	tileDirect512x12x32,
	tileDirect512x13x32,
	tileDirect512x14x32,
}

var direct512x16 = [...]func(*tile){
	tileDirect512x1x16,
	tileDirect512x2x16,
	tileDirect512x3x16,
	tileDirect512x4x16,
	tileDirect512x5x16,
	tileDirect512x6x16,
	tileDirect512x7x16,
	tileDirect512x8x16,
	tileDirect512x9x16,
	tileDirect512x10x16,
	tileDirect512x11x16,
	tileDirect512x12x16,
	tileDirect512x13x16,
	tileDirect512x14x16,
}

var transposed512x32 = [...]func(*tile){
	tileTransposed512x1x32,
	tileTransposed512x2x32,
	tileTransposed512x3x32,
	tileTransposed512x4x32,
	tileTransposed512x5x32,
	tileTransposed512x6x32,
	tileTransposed512x7x32,
	tileTransposed512x8x32,
	tileTransposed512x9x32,
	tileTransposed512x10x32,
	tileTransposed512x11x32,
	tileTransposed512x12x32,
	tileTransposed512x13x32,
	tileTransposed512x14x32,
}

var transposed512x16 = [...]func(*tile){
	tileTransposed512x1x16,
	tileTransposed512x2x16,
	tileTransposed512x3x16,
	tileTransposed512x4x16,
	tileTransposed512x5x16,
	tileTransposed512x6x16,
	tileTransposed512x7x16,
	tileTransposed512x8x16,
	tileTransposed512x9x16,
	tileTransposed512x10x16,
	tileTransposed512x11x16,
	tileTransposed512x12x16,
	tileTransposed512x13x16,
	tileTransposed512x14x16,
}

var direct2x16 = [...]func(*tile){
	tileDirect2x1x16,
	tileDirect2x2x16,
	tileDirect2x3x16,
	tileDirect2x4x16,
	tileDirect2x5x16,
	tileDirect2x6x16,
}

var direct2x8 = [...]func(*tile){
	tileDirect2x1x8,
	tileDirect2x2x8,
	tileDirect2x3x8,
	tileDirect2x4x8,
	tileDirect2x5x8,
	tileDirect2x6x8,
}

var transposed2x16 = [...]func(*tile){
	tileTransposed2x1x16,
	tileTransposed2x2x16,
	tileTransposed2x3x16,
	tileTransposed2x4x16,
	tileTransposed2x5x16,
	tileTransposed2x6x16,
}

var transposed2x8 = [...]func(*tile){
	tileTransposed2x1x8,
	tileTransposed2x2x8,
	tileTransposed2x3x8,
	tileTransposed2x4x8,
	tileTransposed2x5x8,
	tileTransposed2x6x8,
}

func tileDirect512(t *tile) {
	if raceEnabled {
		t.declare(false)
	}
	if t.cols <= 16 {
		direct512x16[t.rows-1](t)
		return
	}
	direct512x32[t.rows-1](t)
}

func tileTransposed512(t *tile) {
	if raceEnabled {
		t.declare(true)
	}
	if t.cols <= 16 {
		transposed512x16[t.rows-1](t)
		return
	}
	transposed512x32[t.rows-1](t)
}

func tileDirect2(t *tile) {
	if raceEnabled {
		t.declare(false)
	}
	if t.cols <= 8 {
		direct2x8[t.rows-1](t)
		return
	}
	direct2x16[t.rows-1](t)
}

func tileTransposed2(t *tile) {
	if raceEnabled {
		t.declare(true)
	}
	if t.cols <= 8 {
		transposed2x8[t.rows-1](t)
		return
	}
	transposed2x16[t.rows-1](t)
}

// declare tells the race detector what a tile reads and writes.
func (t *tile) declare(transposed bool) {
	all := *t
	all.repeat(func(t *tile) { t.declareBlock(transposed) })
	raceRead(t.b[:(len(t.off)*t.run-1)*t.ldb+t.cols])
}

func (t *tile) declareBlock(transposed bool) {
	for m := range t.rows {
		at := m * t.ldc
		raceWrite(t.c[at : at+t.cols])
		if t.residual != nil {
			raceRead(t.residual[at : at+t.cols])
		}
	}
	lines, length := t.rows, t.run
	if transposed {
		lines, length = length, lines
	}
	for _, o := range t.off {
		for i := range lines {
			raceRead(t.a[o+i*t.lda:][:length])
		}
	}
}
