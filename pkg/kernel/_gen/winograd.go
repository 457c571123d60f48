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
	src, dst  reg.GPVirtual
	pixels    reg.GPVirtual
	s1, s3    reg.GPVirtual // the stride between frequencies and odd multiples of it, in bytes
	s5        reg.GPVirtual
	row       reg.GPVirtual // frequency row in use
	bias      reg.GPVirtual
	floor     reg.GPVirtual
	constants map[string]reg.VecPhysical
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

func makeTransform(v isa, t transform) {
	name := t.name + v.name
	signature := "func(c int, dst *float32, stride int, src *float32, pixels *int)"
	if t.scatter {
		signature = "func(c int, dst *float32, pixels *int, src *float32, stride int)"
	}
	if t.bias {
		signature = "func(c int, dst *float32, pixels *int, src *float32, stride int, bias, floor *float32)"
	}
	declare(name, signature, fmt.Sprintf("%s is, for each channel i < c:\n\n\t%s", name, t.loop))
	w := &winogradMaker{v: v, t: &t, constants: map[string]reg.VecPhysical{}}
	w.arguments()
	left := Load(Param("c"), GP64()).(reg.GPVirtual)
	Label("full")
	CMPQ(left, U32(uint32(v.lanes)))
	JLT(LabelRef("tail"))
	w.channels()
	for _, p := range []reg.GPVirtual{w.src, w.dst} {
		ADDQ(U32(uint32(v.bytes())), p)
	}
	if t.bias {
		ADDQ(U32(uint32(v.bytes())), w.bias)
	}
	SUBQ(U32(uint32(v.lanes)), left)
	JMP(LabelRef("full"))
	Label("tail")
	TESTQ(left, left)
	JZ(LabelRef("end"))
	w.mask = v.tailMasks(left, 1, []reg.VecPhysical{v.regs[15]})
	w.channels()
	Label("end")
	VZEROUPPER()
	RET()
}

func (w *winogradMaker) arguments() {
	w.src, w.dst = Load(Param("src"), GP64()).(reg.GPVirtual), Load(Param("dst"), GP64()).(reg.GPVirtual)
	w.pixels = Load(Param("pixels"), GP64()).(reg.GPVirtual)
	w.s1 = Load(Param("stride"), GP64()).(reg.GPVirtual)
	SHLQ(U8(2), w.s1)
	w.s3, w.s5, w.row = GP64(), GP64(), GP64()
	LEAQ(Mem{Base: w.s1, Index: w.s1, Scale: 2}, w.s3)
	LEAQ(Mem{Base: w.s1, Index: w.s1, Scale: 4}, w.s5)
	if w.t.bias {
		w.bias, w.floor = Load(Param("bias"), GP64()).(reg.GPVirtual), Load(Param("floor"), GP64()).(reg.GPVirtual)
	}
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

// channels emits the transform of one register of channels.
func (w *winogradMaker) channels() {
	for p, pair := range w.t.pairs {
		for j := range w.t.in {
			if w.t.scatter {
				w.setRow(w.src, j)
			}
			w.t.first(w, p, w.x(0, j), w.x(1, j), func(i int, to reg.VecPhysical) { w.mask.load(w.input(i, j), 0, to) })
		}
		for half, i := range pair {
			if i < 0 {
				continue
			}
			if !w.t.scatter {
				w.setRow(w.dst, i)
			}
			x := make([]reg.VecPhysical, w.t.in)
			for j := range x {
				x[j] = w.x(half, j)
			}
			w.t.second(w, x, func(j int, v reg.VecPhysical) { w.output(i, j, v) })
		}
	}
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

// pixel is the memory of a pixel, by the table of offsets.
func (w *winogradMaker) pixel(base reg.GPVirtual, at int) Mem {
	offset := GP64()
	MOVQ(Mem{Base: w.pixels, Disp: 8 * at}, offset)
	return Mem{Base: base, Index: offset, Scale: 4}
}

// input is where element (i,j) of X lies. From frequencies X is taken transposed, and Y comes out
// transposed: then a first pass needs one row of frequencies at a time.
func (w *winogradMaker) input(i, j int) Mem {
	if !w.t.scatter {
		return w.pixel(w.src, i*w.t.in+j)
	}
	return w.frequency(i)
}

func (w *winogradMaker) output(i, j int, v reg.VecPhysical) {
	if !w.t.scatter {
		w.mask.store(v, 0, w.frequency(j))
		return
	}
	if w.t.bias {
		b := w.temp(2)
		w.mask.load(Mem{Base: w.bias}, 0, b)
		VADDPS(b, v, v)
		VMOVUPS(Mem{Base: w.floor}, b)
		VMAXPS(v, b, v)
	}
	w.mask.store(v, 0, w.pixel(w.dst, j*w.t.out+i))
}
