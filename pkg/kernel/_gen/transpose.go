package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const transposeDoc = `transpose8x8 is, for i < rows, j < cols, both multiples of eight:

	dst[j·ldd+i] = src[i·lds+j]`

// multiples are a distance and its odd multiples, so that an address can hold any of the first eight.
type multiples struct{ x1, x3, x5, x7 reg.GPVirtual }

// multiplesOf loads a distance in floats as bytes.
func multiplesOf(param string) *multiples {
	m := &multiples{x1: Load(Param(param), GP64()).(reg.GPVirtual), x3: GP64(), x5: GP64(), x7: GP64()}
	SHLQ(U8(2), m.x1)
	LEAQ(Mem{Base: m.x1, Index: m.x1, Scale: 2}, m.x3)
	LEAQ(Mem{Base: m.x1, Index: m.x1, Scale: 4}, m.x5)
	LEAQ(Mem{Base: m.x3, Index: m.x1, Scale: 4}, m.x7)
	return m
}

// at is the address k distances after base.
func (m *multiples) at(base reg.Register, k int) Mem {
	switch k {
	case 0:
		return Mem{Base: base}
	case 3, 6:
		return Mem{Base: base, Index: m.x3, Scale: uint8(k / 3)}
	case 5:
		return Mem{Base: base, Index: m.x5, Scale: 1}
	case 7:
		return Mem{Base: base, Index: m.x7, Scale: 1}
	}
	return Mem{Base: base, Index: m.x1, Scale: uint8(k)}
}

// makeTranspose goes down the rows of src in blocks of eight by eight, so that lines of dst are
// written whole.
func makeTranspose() {
	declare("transpose8x8", "func(rows, cols int, dst *float32, ldd int, src *float32, lds int)", transposeDoc)
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	ldd, lds := multiplesOf("ldd"), multiplesOf("lds")
	Label("columns")
	CMPQ(argument("cols"), U8(0))
	JLE(LabelRef("end"))
	from, to, left := GP64(), GP64(), GP64()
	MOVQ(src, from)
	MOVQ(dst, to)
	MOVQ(argument("rows"), left)
	Label("rows")
	CMPQ(left, U8(0))
	JLE(LabelRef("next"))
	transposeBlock(from, to, lds, ldd)
	LEAQ(Mem{Base: from, Index: lds.x1, Scale: 8}, from)
	ADDQ(U8(32), to)
	SUBQ(U8(8), left)
	JMP(LabelRef("rows"))
	Label("next")
	ADDQ(U8(32), src)
	LEAQ(Mem{Base: dst, Index: ldd.x1, Scale: 8}, dst)
	SUBQ(U8(8), argument("cols"))
	JMP(LabelRef("columns"))
	Label("end")
	VZEROUPPER()
	RET()
}

// transposeBlock loads four columns of rows k and k+4 side by side, twice over, so that shuffles within
// halves are enough.
func transposeBlock(from, to reg.Register, lds, ldd *multiples) {
	y := avx2.regs
	for half := range 2 {
		for k := range 4 {
			upper, lower := lds.at(from, k+4), lds.at(from, k)
			upper.Disp, lower.Disp = 16*half, 16*half
			VMOVUPS(lower, y[k].(reg.Vec).AsX())
			VINSERTF128(U8(1), upper, y[k], y[k])
		}
		VUNPCKLPS(y[1], y[0], y[4])
		VUNPCKHPS(y[1], y[0], y[5])
		VUNPCKLPS(y[3], y[2], y[6])
		VUNPCKHPS(y[3], y[2], y[7])
		VSHUFPS(U8(0x44), y[6], y[4], y[8])
		VSHUFPS(U8(0xee), y[6], y[4], y[9])
		VSHUFPS(U8(0x44), y[7], y[5], y[10])
		VSHUFPS(U8(0xee), y[7], y[5], y[11])
		for k := range 4 {
			VMOVUPS(y[8+k], ldd.at(to, 4*half+k))
		}
	}
}
