package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of kernel.tile, held by TestTileLayout.
const (
	tileA        = 0
	tileB        = 24
	tileC        = 48
	tileBias     = 72
	tileResidual = 96
	tileOff      = 120
	tileLda      = 144
	tileLdb      = 152
	tileLdc      = 160
	tileRun      = 168
	tileCols     = 184
	tileFlags    = 192
	tileAhead    = 200
	tileMore     = 208

	flagAccumulate = 1
	flagReLU       = 2
	flagPast       = 4
)

const tileDoc = `%[1]s is a %[2]s tile of %[3]d rows by %[4]d columns:

	for each run o of off, for k < run:
		for m, for n: s[m][n] += a[%[5]s]·b[n]
		b = b[ldb:]
	for m, for n < cols: c[m·ldc+n] = relu?(s[m][n] + c? + bias?[n] + residual?[m·ldc+n])

and then the same for the next %[3]d rows, more times.`

// tiles makes every micro-kernel of an instruction set: each height, both families, one and two
// registers across.
func tiles(v isa) {
	for wide := 1; wide <= v.wide; wide++ {
		for rows := 1; rows <= v.rows; rows++ {
			makeTile(&tileMaker{v: v, rows: rows, wide: wide})
			makeTile(&tileMaker{v: v, rows: rows, wide: wide, transposed: true})
		}
	}
}

// tileMaker writes one micro-kernel. The sums take the first rows·wide registers, then come the
// columns of B, then the broadcast element of A.
type tileMaker struct {
	v          isa
	rows, wide int
	transposed bool
	t          reg.Register
	now        Mem // where the rows in work lie: slots for a, c, the residual, and the repeats left
}

// Offsets of the slots.
const (
	nowA        = 0
	nowC        = 8
	nowResidual = 16
	nowMore     = 24
	nowBytes    = 32
)

func (g *tileMaker) sum(m, j int) reg.VecPhysical { return g.v.regs[m*g.wide+j] }
func (g *tileMaker) free(j int) reg.VecPhysical   { return g.v.regs[len(g.v.regs)-1-j] }
func (g *tileMaker) field(at int) Mem             { return Mem{Base: g.t, Disp: at} }

func (g *tileMaker) loadField(at int) reg.GPVirtual {
	r := GP64()
	MOVQ(g.field(at), r)
	return r
}

// loadBytes loads a distance in floats and makes it bytes.
func (g *tileMaker) loadBytes(at int) reg.GPVirtual {
	r := g.loadField(at)
	SHLQ(U8(2), r)
	return r
}

func (g *tileMaker) name() string {
	family := "Direct"
	if g.transposed {
		family = "Transposed"
	}
	return fmt.Sprintf("tile%s%sx%dx%d", family, g.v.name, g.rows, g.wide*g.v.lanes)
}

func makeTile(g *tileMaker) {
	family, index := "direct", "o + m·lda + k"
	if g.transposed {
		family, index = "transposed", "o + k·lda + m"
	}
	declare(g.name(), "func(t *tile)", fmt.Sprintf(tileDoc, g.name(), family, g.rows, g.wide*g.v.lanes, index))
	g.t = Load(Param("t"), GP64())
	g.now = AllocLocal(nowBytes)
	for _, slot := range [][2]int{{nowA, tileA}, {nowC, tileC}, {nowResidual, tileResidual}, {nowMore, tileMore}} {
		MOVQ(g.loadField(slot[1]), g.now.Offset(slot[0]))
	}
	Label("block")
	for m := range g.rows {
		for j := range g.wide {
			g.v.zero(g.sum(m, j))
		}
	}
	g.product()
	g.epilogue()
	g.repeat()
	VZEROUPPER()
	RET()
}

// repeat goes on to the next rows while there are more.
func (g *tileMaker) repeat() {
	DECQ(g.now.Offset(nowMore))
	JLT(LabelRef("end"))
	if g.transposed {
		ADDQ(U8(uint8(4*g.rows)), g.now.Offset(nowA))
	} else {
		ADDQ(g.rowsOf(tileLda), g.now.Offset(nowA))
	}
	down := g.rowsOf(tileLdc)
	ADDQ(down, g.now.Offset(nowC))
	CMPQ(g.now.Offset(nowResidual), U8(0))
	JE(LabelRef("block"))
	ADDQ(down, g.now.Offset(nowResidual))
	JMP(LabelRef("block"))
	Label("end")
}

// rowsOf is the tile's height times a distance, in bytes.
func (g *tileMaker) rowsOf(at int) reg.GPVirtual {
	r := g.loadField(at)
	IMUL3Q(U8(uint8(4*g.rows)), r, r)
	return r
}

// loadNow loads a slot.
func (g *tileMaker) loadNow(slot int) reg.GPVirtual {
	r := GP64()
	MOVQ(g.now.Offset(slot), r)
	return r
}

// product emits the loops over runs and depth.
func (g *tileMaker) product() {
	a0, b := g.loadNow(nowA), g.loadField(tileB)
	lda, ldb := g.loadBytes(tileLda), g.loadBytes(tileLdb)
	off, runs := g.loadField(tileOff), g.loadField(tileOff+8)
	rows := g.rowAddresses(lda)

	Label("run")
	a := GP64()
	MOVQ(Mem{Base: off}, a)
	LEAQ(Mem{Base: a0, Index: a, Scale: 4}, a)
	rows.start(a)
	k := g.loadField(tileRun)
	ahead := g.loadField(tileAhead)
	Label("depth")
	for j := 0; j < g.wide*g.v.bytes(); j += 64 {
		PREFETCHT1(Mem{Base: b, Index: ahead, Scale: 4, Disp: j})
	}
	for j := range g.wide {
		VMOVUPS(Mem{Base: b, Disp: j * g.v.bytes()}, g.free(j))
	}
	for m := range g.rows {
		x := g.free(g.wide + m%2)
		if g.rows*g.wide+g.wide+1 == len(g.v.regs) {
			x = g.free(g.wide)
		}
		VBROADCASTSS(rows.at(m), x)
		for j := range g.wide {
			VFMADD231PS(g.free(j), x, g.sum(m, j))
		}
	}
	rows.next()
	ADDQ(ldb, b)
	DECQ(k)
	JNZ(LabelRef("depth"))
	ADDQ(U8(8), off)
	DECQ(runs)
	JNZ(LabelRef("run"))
}

// rowAddresses reach up to sixteen rows of A from two pointers, by the multiples of lda that an
// address can hold and three registers for the odd ones.
type rowAddresses struct {
	g          *tileMaker
	lda        reg.GPVirtual
	l3, l5, l7 reg.GPVirtual
	a, b       reg.GPVirtual
}

func (g *tileMaker) rowAddresses(lda reg.GPVirtual) *rowAddresses {
	r := &rowAddresses{g: g, lda: lda}
	if g.transposed {
		return r
	}
	if g.rows > 3 {
		r.l3 = GP64()
		LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, r.l3)
	}
	if g.rows > 5 {
		r.l5 = GP64()
		LEAQ(Mem{Base: lda, Index: lda, Scale: 4}, r.l5)
	}
	if g.rows > 7 {
		r.l7 = GP64()
		LEAQ(Mem{Base: r.l3, Index: lda, Scale: 4}, r.l7)
	}
	return r
}

func (r *rowAddresses) start(a reg.GPVirtual) {
	r.a = a
	if r.g.rows > 8 && !r.g.transposed {
		r.b = GP64()
		LEAQ(Mem{Base: a, Index: r.lda, Scale: 8}, r.b)
	}
}

func (r *rowAddresses) at(m int) Mem {
	if r.g.transposed {
		return Mem{Base: r.a, Disp: 4 * m}
	}
	base := r.a
	if m >= 8 {
		base = r.b
	}
	at := Mem{Base: base}
	switch m % 8 {
	case 1, 2, 4:
		at.Index, at.Scale = r.lda, uint8(m%8)
	case 3, 6:
		at.Index, at.Scale = r.l3, uint8(m%8/3)
	case 5:
		at.Index, at.Scale = r.l5, 1
	case 7:
		at.Index, at.Scale = r.l7, 1
	}
	return at
}

func (r *rowAddresses) next() {
	if r.g.transposed {
		ADDQ(r.lda, r.a)
		return
	}
	ADDQ(U8(4), r.a)
	if r.g.rows > 8 {
		ADDQ(U8(4), r.b)
	}
}

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
