package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// columnStrip adds up columns over rows: a few registers of columns at a time go down all rows, so
// that the sums stay in registers.
type columnStrip struct {
	name    string
	sums    []string
	streams []string
	vectors []string
	zero    bool // needs a register of zeros
	temps   int
	loop    string
	body    func(u *columnUnit)
}

// columnUnit is one register of columns.
type columnUnit struct {
	g     *columnMaker
	j     int // which of the registers in flight
	mask  *masks
	zeros reg.VecPhysical
}

// columnMaker hands out registers: for each unit in flight its sums, its vectors and its temporaries.
type columnMaker struct {
	v   isa
	s   *columnStrip
	ptr map[string]reg.GPVirtual
}

func (g *columnMaker) each() int { return len(g.s.sums) + len(g.s.vectors) + g.s.temps }

func (u *columnUnit) register(i int) reg.VecPhysical { return u.g.v.regs[u.j*u.g.each()+i] }
func (u *columnUnit) sum(i int) reg.VecPhysical      { return u.register(i) }
func (u *columnUnit) vector(i int) reg.VecPhysical   { return u.register(len(u.g.s.sums) + i) }
func (u *columnUnit) temp(i int) reg.VecPhysical {
	return u.register(len(u.g.s.sums) + len(u.g.s.vectors) + i)
}
func (u *columnUnit) load(name string, to reg.VecPhysical) { u.mask.load(u.mem(name), 0, to) }
func (u *columnUnit) mem(name string) Mem {
	return Mem{Base: u.g.ptr[name], Disp: u.j * u.g.v.bytes()}
}

func makeColumns(v isa, s columnStrip) {
	all := append(append(append([]string{}, s.sums...), s.streams...), s.vectors...)
	name := s.name + v.name
	declare(name, "func(rows, c int, "+strings.Join(all, ", ")+" *float32)",
		fmt.Sprintf("%s is, for each row r and column j, i = r·c + j:\n\n\t%s", name, s.loop))
	g := &columnMaker{v: v, s: &s, ptr: map[string]reg.GPVirtual{}}
	for _, p := range all {
		g.ptr[p] = Load(Param(p), GP64()).(reg.GPVirtual)
	}
	left := Load(Param("c"), GP64()).(reg.GPVirtual)
	stride := GP64()
	MOVQ(left, stride)
	SHLQ(U8(2), stride)
	fixed := 0
	if s.zero {
		fixed = 1
		v.zero(v.regs[len(v.regs)-1])
	}
	flight := min(4, (len(v.regs)-fixed-1)/g.each())
	g.block("many", left, stride, flight)
	if flight > 1 {
		g.block("one", left, stride, 1)
	}
	TESTQ(left, left)
	JZ(LabelRef("end"))
	mask := v.tailMasks(left, 1, []reg.VecPhysical{v.regs[len(v.regs)-1-fixed]})
	g.columns("tail", stride, 1, mask)
	Label("end")
	VZEROUPPER()
	RET()
}

func (g *columnMaker) block(label string, left, stride reg.GPVirtual, n int) {
	Label(label)
	CMPQ(left, U32(uint32(n*g.v.lanes)))
	JLT(LabelRef(label + "Done"))
	g.columns(label, stride, n, nil)
	for _, p := range g.ptrs() {
		ADDQ(U32(uint32(n*g.v.bytes())), g.ptr[p])
	}
	SUBQ(U32(uint32(n*g.v.lanes)), left)
	JMP(LabelRef(label))
	Label(label + "Done")
}

func (g *columnMaker) ptrs() []string {
	return append(append(append([]string{}, g.s.sums...), g.s.streams...), g.s.vectors...)
}

// columns emits the way down the rows of n registers of columns.
func (g *columnMaker) columns(label string, stride reg.GPVirtual, n int, mask *masks) {
	units := make([]*columnUnit, n)
	for j := range units {
		u := &columnUnit{g: g, j: j, mask: mask, zeros: g.v.regs[len(g.v.regs)-1]}
		units[j] = u
		for i, name := range g.s.sums {
			u.load(name, u.sum(i))
		}
		for i, name := range g.s.vectors {
			u.load(name, u.vector(i))
		}
	}
	rows := Load(Param("rows"), GP64())
	down := &columnMaker{v: g.v, s: g.s, ptr: map[string]reg.GPVirtual{}}
	for _, p := range g.s.streams {
		down.ptr[p] = GP64()
		MOVQ(g.ptr[p], down.ptr[p])
	}
	Label(label + "Row")
	for _, u := range units {
		u.g = down
		g.s.body(u)
		u.g = g
	}
	for _, p := range g.s.streams {
		ADDQ(stride, down.ptr[p])
	}
	DECQ(rows)
	JNZ(LabelRef(label + "Row"))
	for _, u := range units {
		for i, name := range g.s.sums {
			u.mask.store(u.sum(i), 0, u.mem(name))
		}
	}
}

var columns = []columnStrip{
	{
		name: "columnSums", sums: []string{"sums"}, streams: []string{"x"}, temps: 1,
		loop: "sums[j] += x[i]",
		body: func(u *columnUnit) {
			u.load("x", u.temp(0))
			VADDPS(u.temp(0), u.sum(0), u.sum(0))
		},
	},
	{
		name: "moments", sums: []string{"sum", "square"}, streams: []string{"x"}, vectors: []string{"pivot"}, temps: 1,
		loop: "d = x[i] - pivot[j]; sum[j] += d; square[j] += d·d",
		body: func(u *columnUnit) {
			u.load("x", u.temp(0))
			VSUBPS(u.vector(0), u.temp(0), u.temp(0))
			VADDPS(u.temp(0), u.sum(0), u.sum(0))
			VFMADD231PS(u.temp(0), u.temp(0), u.sum(1))
		},
	},
	normSums("normSums", "g = dy[i]", false),
	normSums("normSumsReLU", "g = dy[i] if y[i] > 0, else 0", true),
}

func normSums(name, g string, relu bool) columnStrip {
	s := columnStrip{
		name: name, sums: []string{"sumDy", "sumDyX"}, streams: []string{"dy", "x"}, vectors: []string{"mean"}, temps: 2, zero: relu,
		loop: g + "; sumDy[j] += g; sumDyX[j] += g·(x[i]-mean[j])",
		body: func(u *columnUnit) {
			d, x := u.temp(0), u.temp(1)
			u.load("dy", d)
			if relu {
				u.load("y", x)
				u.g.v.keepPositive(d, x, u.zeros)
			}
			u.load("x", x)
			VSUBPS(u.vector(0), x, x)
			VADDPS(d, u.sum(0), u.sum(0))
			VFMADD231PS(x, d, u.sum(1))
		},
	}
	if relu {
		s.streams = append(s.streams, "y")
	}
	return s
}
