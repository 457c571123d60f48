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
	g.bringEnd()
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

// bringEnd asks for what the end of the tile will add, while there is time: its rows lie far apart.
func (g *tileMaker) bringEnd() {
	flags := g.loadField(tileFlags)
	g.whenFlag(flags, flagAccumulate, "bringC", func() { g.bringRows(nowC) })
	g.whenSet(g.now.Offset(nowResidual), "bringResidual", func(reg.GPVirtual) { g.bringRows(nowResidual) })
}

func (g *tileMaker) bringRows(slot int) {
	at, ldc := g.loadNow(slot), g.loadBytes(tileLdc)
	for row := range g.rows {
		for j := 0; j < g.wide*g.v.bytes(); j += 64 {
			PREFETCHT0(Mem{Base: at, Disp: j})
		}
		if row+1 < g.rows {
			ADDQ(ldc, at)
		}
	}
}

// product emits the loops over runs and depth. Meanwhile it asks for the next panel of B and, where
// rows of A follow each other in memory, for the next block of them.
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
	var below reg.GPVirtual
	if !g.transposed {
		below = g.rowsOf(tileLda)
		ADDQ(a, below)
	}
	Label("depth")
	if !g.transposed {
		PREFETCHT0(Mem{Base: below})
		ADDQ(U8(uint8(4*g.rows)), below)
	}
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
