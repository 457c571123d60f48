package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa is one instruction set: how wide its registers are and how many there are.
type isa struct {
	name  string
	lanes int // floats in a register
	regs  []reg.VecPhysical
	rows  int // of the largest tile
	wide  int // registers across the largest tile
}

var avx512 = isa{
	name: "512", lanes: 16, rows: 14, wide: 2,
	regs: []reg.VecPhysical{
		reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
		reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
	},
}

var avx2 = isa{
	name: "2", lanes: 8, rows: 6, wide: 2,
	regs: []reg.VecPhysical{
		reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
	},
}

func (v isa) is512() bool { return v.lanes == 16 }
func (v isa) bytes() int  { return 4 * v.lanes }

// zero clears a register.
func (v isa) zero(x reg.VecPhysical) {
	if v.is512() {
		VPXORD(x, x, x)
		return
	}
	VXORPS(x, x, x)
}

// masks choose the lanes of a tail: opmask registers, or vector registers where there are none.
// The nil masks choose all lanes.
type masks struct {
	ks []reg.OpmaskPhysical
	ys []reg.VecPhysical
}

var opmasks = []reg.OpmaskPhysical{reg.K1, reg.K2}

// tailMasks makes the masks of the first count lanes of wide registers. It destroys count; on AVX2
// the masks live in temps.
func (v isa) tailMasks(count reg.GPVirtual, wide int, temps []reg.VecPhysical) *masks {
	if v.is512() {
		ones := GP64()
		MOVQ(I32(-1), ones)
		BZHIQ(count, ones, ones)
		for i := range wide {
			if i > 0 {
				SHRQ(U8(16), ones)
			}
			KMOVW(ones.As32(), opmasks[i])
		}
		return &masks{ks: opmasks[:wide]}
	}
	table := GP64()
	LEAQ(maskTable(), table)
	NEGQ(count)
	for i := range wide {
		VMOVUPS(Mem{Base: table, Index: count, Scale: 4, Disp: 64 + 32*i}, temps[i])
	}
	return &masks{ys: temps[:wide]}
}

var maskData *Mem

// maskTable is sixteen set words and then sixteen clear ones: 64 bytes from n words before the
// middle are the masks of n lanes.
func maskTable() Mem {
	if maskData == nil {
		m := GLOBL("laneMasks", RODATA|NOPTR)
		for i := range 32 {
			DATA(4*i, U32(0xffffffff*uint64(1-i/16)))
		}
		maskData = &m
	}
	return *maskData
}

// load reads the chosen lanes of register i of a row; the others become zero.
func (m *masks) load(from Mem, i int, to reg.VecPhysical) {
	switch {
	case m == nil:
		VMOVUPS(from, to)
	case m.ks != nil:
		VMOVUPS_Z(from, m.ks[i], to)
	default:
		VMASKMOVPS(from, m.ys[i], to)
	}
}

// store writes the chosen lanes of register i of a row.
func (m *masks) store(x reg.VecPhysical, i int, to Mem) {
	switch {
	case m == nil:
		VMOVUPS(x, to)
	case m.ks != nil:
		VMOVUPS(x, m.ks[i], to)
	default:
		VMASKMOVPS(x, m.ys[i], to)
	}
}
