package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transform is a two-dimensional Winograd transform Y = T·X·Tᵀ of in×in pixels to out×out, written as
// two passes of the one-dimensional T. The first pass makes two rows of T·X at a time, since a pair
// shares its sums and two rows fit the registers of both instruction sets; the second takes each of
// those rows to out values.
type transform struct {
	name    string
	in, out int
	scatter bool // from frequencies to pixels; otherwise from pixels to frequencies
	bias    bool // add a bias and clamp at a floor
	past    bool // store pixels past the cache
	fresh   int  // the first row of pixels that the tile above has not read
	loop    string
	pairs   [][2]int
	first   func(w *winogradMaker, pair int, a, b reg.VecPhysical, load func(i int, to reg.VecPhysical))
	second  func(w *winogradMaker, x []reg.VecPhysical, store func(i int, v reg.VecPhysical))
}

// winogradMaker writes a transform: first 2·in registers for two rows, then temporaries.
type winogradMaker struct {
	v         isa
	t         *transform
	mask      *masks
	freq      reg.GPVirtual // the frequencies
	s1, s3    reg.GPVirtual // their distance and odd multiples of it, in bytes
	s5        reg.GPVirtual
	row       reg.GPVirtual   // frequency row in use
	pixels    []reg.GPVirtual // the rows of pixels
	step, col reg.GPVirtual   // from pixel to pixel, and to the column in use, in bytes
	below     reg.GPVirtual   // from a row to the one that the tile below has in its place, in bytes
	constants map[string]reg.VecPhysical
	labels    int
}

func (w *winogradMaker) x(row, j int) reg.VecPhysical { return w.v.regs[row*w.t.in+j] }
func (w *winogradMaker) temp(i int) reg.VecPhysical   { return w.v.regs[12+i] }

// constant is a number in every lane, in a register or in memory.
func (w *winogradMaker) constant(name string) Op {
	if r, ok := w.constants[name]; ok {
		return r
	}
	return constantData(constant{name, float(winogradConstants[name])})
}

// constantOrder is the order of their registers.
var constantOrder = []string{
	"half", "two", "fiveHalves", "root2", "root2by2", "root2by4", "root2times2", "third", "twoThirds", "sixth", "root2by3", "root2by6",
}

var winogradConstants = map[string]float64{
	"half": 0.5, "two": 2, "fiveHalves": 2.5, "third": 1. / 3, "twoThirds": 2. / 3, "sixth": 1. / 6,
	"root2": math.Sqrt2, "root2by2": math.Sqrt2 / 2, "root2by4": math.Sqrt2 / 4, "root2times2": math.Sqrt2 * 2,
	"root2by3": math.Sqrt2 / 3, "root2by6": math.Sqrt2 / 6,
}

// Offsets of the fields of kernel.tileWindow, held by TestTileLayout.
const (
	windowStep = 48
	windowCols = 56
	windowDown = 64
)

func makeTransform(v isa, t transform) {
	name := t.name + v.name
	signature := "func(c int, freq *float32, stride int, base *float32, window *tileWindow)"
	if t.bias {
		signature = "func(c int, freq *float32, stride int, base *float32, window *tileWindow, bias, floor *float32)"
	}
	declare(name, signature, fmt.Sprintf("%s is, for each channel i < c:\n\n\t%s", name, t.loop))
	w := &winogradMaker{v: v, t: &t, constants: map[string]reg.VecPhysical{}}
	w.arguments()
	left := argument("c") // counted down where it lies: the rows need the registers
	Label("full")
	CMPQ(left, U8(uint8(v.lanes)))
	JLT(LabelRef("tail"))
	w.channels()
	for _, p := range append([]reg.GPVirtual{w.freq}, w.pixels...) {
		ADDQ(U8(uint8(v.bytes())), p)
	}
	if t.bias {
		ADDQ(U8(uint8(v.bytes())), argument("bias"))
	}
	SUBQ(U8(uint8(v.lanes)), left)
	JMP(LabelRef("full"))
	Label("tail")
	CMPQ(left, U8(0))
	JE(LabelRef("end"))
	count := GP64()
	MOVQ(left, count)
	w.mask = v.tailMasks(count, 1, []reg.VecPhysical{v.regs[15]})
	w.channels()
	Label("end")
	VZEROUPPER()
	RET()
}

func (w *winogradMaker) arguments() {
	w.freq = Load(Param("freq"), GP64()).(reg.GPVirtual)
	w.s1 = Load(Param("stride"), GP64()).(reg.GPVirtual)
	SHLQ(U8(2), w.s1)
	w.s3, w.s5, w.row = GP64(), GP64(), GP64()
	LEAQ(Mem{Base: w.s1, Index: w.s1, Scale: 2}, w.s3)
	LEAQ(Mem{Base: w.s1, Index: w.s1, Scale: 4}, w.s5)
	w.windowRows()
	if !w.v.is512() {
		return
	}
	for i, name := range constantOrder {
		r := w.v.regs[31-i]
		word := GP32()
		MOVL(U32(float(winogradConstants[name])), word)
		VPBROADCASTD(word, r)
		w.constants[name] = r
	}
}

// windowRows loads where the rows of the window begin.
func (w *winogradMaker) windowRows() {
	base, window := Load(Param("base"), GP64()), Load(Param("window"), GP64())
	side := w.t.in
	if w.t.scatter {
		side = w.t.out
	}
	for i := range side {
		p := GP64()
		MOVQ(Mem{Base: window, Disp: 8 * i}, p)
		LEAQ(Mem{Base: base, Index: p, Scale: 4}, p)
		w.pixels = append(w.pixels, p)
	}
	w.step, w.col = GP64(), GP64()
	MOVQ(Mem{Base: window, Disp: windowStep}, w.step)
	SHLQ(U8(2), w.step)
	if !w.t.scatter {
		w.below = GP64()
		MOVQ(Mem{Base: window, Disp: windowDown}, w.below)
		SHLQ(U8(2), w.below)
	}
	cols := GP64()
	MOVQ(Mem{Base: window, Disp: windowCols}, cols)
	MOVQ(cols, argument("stride")) // which is in a register by now
}

// inside emits code for a column of the window, and other code for when it lies outside the image.
func (w *winogradMaker) inside(j int, code, otherwise func()) {
	w.labels++
	beyond, done := fmt.Sprintf("beyond%d", w.labels), fmt.Sprintf("inside%d", w.labels)
	TESTQ(U32(1<<j), argument("stride"))
	JZ(LabelRef(beyond))
	code()
	if otherwise != nil {
		JMP(LabelRef(done))
	}
	Label(beyond)
	if otherwise != nil {
		otherwise()
		Label(done)
	}
}

// channels emits the transform of one register of channels.
func (w *winogradMaker) channels() {
	for p, pair := range w.t.pairs {
		if w.t.scatter {
			w.fromFrequencies(p)
		} else {
			w.fromPixels(p)
		}
		for half, i := range pair {
			if i < 0 {
				continue
			}
			x := make([]reg.VecPhysical, w.t.in)
			for j := range x {
				x[j] = w.x(half, j)
			}
			if w.t.scatter {
				w.toPixels(i, x)
			} else {
				w.setRow(w.freq, i)
				w.t.second(w, x, func(j int, v reg.VecPhysical) { w.toFrequency(j, v) })
			}
		}
	}
}

// fromPixels makes a pair of rows of T·X, column by column; a column outside the image is zero.
func (w *winogradMaker) fromPixels(pair int) {
	XORQ(w.col, w.col)
	for j := range w.t.in {
		w.inside(j, func() {
			w.t.first(w, pair, w.x(0, j), w.x(1, j), func(i int, to reg.VecPhysical) {
				w.mask.load(Mem{Base: w.pixels[i], Index: w.col, Scale: 1}, 0, to)
			})
			if pair == 1 {
				w.bringBelow(j)
			}
		}, func() {
			w.v.zero(w.x(0, j))
			w.v.zero(w.x(1, j))
		})
		if j+1 < w.t.in {
			ADDQ(w.step, w.col)
		}
	}
}

// bringBelow asks for the pixels of column j that the tile below will be the first to read: the stride
// of a window's rows hides from the hardware what is needed next. The pixels beyond those of this
// tile's own are its right neighbour's to ask for.
func (w *winogradMaker) bringBelow(j int) {
	if w.t.fresh < 0 || j >= 4 {
		return
	}
	ADDQ(w.below, w.col)
	for _, p := range w.pixels[w.t.fresh:] {
		PREFETCHT1(Mem{Base: p, Index: w.col, Scale: 1})
	}
	SUBQ(w.below, w.col)
}

// fromFrequencies makes a pair of columns of X·Tᵀ, row by row: the first pass of the transposed
// problem, which needs one row of frequencies at a time.
func (w *winogradMaker) fromFrequencies(pair int) {
	for j := range w.t.in {
		w.setRow(w.freq, j)
		w.t.first(w, pair, w.x(0, j), w.x(1, j), func(i int, to reg.VecPhysical) { w.mask.load(w.frequency(i), 0, to) })
	}
}

// toPixels makes and stores column i of the window, where that is inside.
func (w *winogradMaker) toPixels(i int, x []reg.VecPhysical) {
	w.inside(i, func() {
		IMUL3Q(U8(uint8(i)), w.step, w.col)
		w.t.second(w, x, func(j int, v reg.VecPhysical) {
			w.finish(v)
			at := Mem{Base: w.pixels[j], Index: w.col, Scale: 1}
			if w.t.past && w.mask == nil {
				VMOVNTPS(v, at)
				return
			}
			w.mask.store(v, 0, at)
		})
	}, nil)
}

// finish adds the bias and clamps.
func (w *winogradMaker) finish(v reg.VecPhysical) {
	if !w.t.bias {
		return
	}
	b, at := w.temp(2), GP64()
	MOVQ(argument("bias"), at)
	w.mask.load(Mem{Base: at}, 0, b)
	VADDPS(b, v, v)
	MOVQ(argument("floor"), at)
	VMOVUPS(Mem{Base: at}, b)
	VMAXPS(v, b, v)
}

// toFrequency stores to frequency j of the row, and asks for the line that the next registers' worth
// goes to: 36 streams are too many for the cache to foresee.
func (w *winogradMaker) toFrequency(j int, v reg.VecPhysical) {
	at := w.frequency(j)
	w.mask.store(v, 0, at)
	at.Disp += w.v.bytes()
	PREFETCHT0(at)
}

// setRow points row at the six frequencies of row i.
func (w *winogradMaker) setRow(base reg.GPVirtual, i int) {
	switch i {
	case 0:
		MOVQ(base, w.row)
		return
	case 1, 2, 4:
		LEAQ(Mem{Base: base, Index: w.s3, Scale: uint8(2 * i)}, w.row)
		return
	}
	IMUL3Q(U8(uint8(2*i)), w.s3, w.row)
	ADDQ(base, w.row)
}

func (w *winogradMaker) frequency(j int) Mem {
	switch j {
	case 0:
		return Mem{Base: w.row}
	case 3:
		return Mem{Base: w.row, Index: w.s3, Scale: 1}
	case 5:
		return Mem{Base: w.row, Index: w.s5, Scale: 1}
	}
	return Mem{Base: w.row, Index: w.s1, Scale: uint8(j)}
}
