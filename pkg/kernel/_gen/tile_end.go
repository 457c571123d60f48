package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// epilogue emits the end of a tile twice: for full panels, and for a panel that cols cuts off.
func (g *tileMaker) epilogue() {
	cols := g.loadField(tileCols)
	CMPQ(cols, U8(uint8(g.wide*g.v.lanes)))
	JNE(LabelRef("partial"))
	g.finish("full", nil)
	JMP(LabelRef("done"))
	Label("partial")
	temps := []reg.VecPhysical{g.free(0), g.free(1)}
	g.finish("partial", g.v.tailMasks(cols, g.wide, temps))
	Label("done")
}

func (g *tileMaker) finish(name string, m *masks) {
	flags := g.loadField(tileFlags)
	ldc := g.loadBytes(tileLdc)
	g.whenFlag(flags, flagAccumulate, name+"Accumulate", func() { g.addRows(nowC, ldc, m) })
	g.whenSet(g.field(tileBias), name+"Bias", func(bias reg.GPVirtual) { g.addBias(bias, m) })
	g.whenSet(g.now.Offset(nowResidual), name+"Residual", func(reg.GPVirtual) { g.addRows(nowResidual, ldc, m) })
	g.whenFlag(flags, flagReLU, name+"ReLU", func() {
		z := g.temp(m)
		g.v.zero(z)
		g.eachSum(func(_, _ int, s reg.VecPhysical) { VMAXPS(s, z, s) })
	})
	if m == nil {
		g.whenFlag(flags, flagPast, name+"Past", func() {
			g.storeRows(ldc, func(x reg.VecPhysical, _ int, to Mem) { VMOVNTPS(x, to) })
			JMP(LabelRef("done"))
		})
	}
	g.storeRows(ldc, m.store)
}

func (g *tileMaker) storeRows(ldc reg.GPVirtual, store func(x reg.VecPhysical, j int, to Mem)) {
	c := g.loadNow(nowC)
	for row := range g.rows {
		for j := range g.wide {
			store(g.sum(row, j), j, Mem{Base: c, Disp: j * g.v.bytes()})
		}
		if row+1 < g.rows {
			ADDQ(ldc, c)
		}
	}
}

// temp is a register that neither the sums nor the masks are in.
func (g *tileMaker) temp(m *masks) reg.VecPhysical {
	if m != nil && m.ys != nil {
		return g.free(2)
	}
	return g.free(0)
}

func (g *tileMaker) eachSum(do func(m, j int, s reg.VecPhysical)) {
	for m := range g.rows {
		for j := range g.wide {
			do(m, j, g.sum(m, j))
		}
	}
}

func (g *tileMaker) whenFlag(flags reg.GPVirtual, bit uint32, label string, do func()) {
	TESTQ(U32(bit), flags)
	JZ(LabelRef("no" + label))
	do()
	Label("no" + label)
}

func (g *tileMaker) whenSet(at Mem, label string, do func(p reg.GPVirtual)) {
	p := GP64()
	MOVQ(at, p)
	TESTQ(p, p)
	JZ(LabelRef("no" + label))
	do(p)
	Label("no" + label)
}

// addRows adds rows that lie like C to the sums.
func (g *tileMaker) addRows(slot int, ldc reg.GPVirtual, m *masks) {
	p, x := g.loadNow(slot), g.temp(m)
	g.eachSum(func(row, j int, s reg.VecPhysical) {
		m.load(Mem{Base: p, Disp: j * g.v.bytes()}, j, x)
		VADDPS(x, s, s)
		if j == g.wide-1 && row+1 < g.rows {
			ADDQ(ldc, p)
		}
	})
}

func (g *tileMaker) addBias(bias reg.GPVirtual, m *masks) {
	x := g.temp(m)
	for j := range g.wide {
		m.load(Mem{Base: bias, Disp: j * g.v.bytes()}, j, x)
		for row := range g.rows {
			VADDPS(x, g.sum(row, j), g.sum(row, j))
		}
	}
}
