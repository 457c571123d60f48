package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const maxPoolDoc = ` is, for each channel j < c:

	y[j] = max over w in window of x[w.at+j]; argmax[j] = w.index of the first that is largest`

// poolMaker writes the max-pool of one output pixel: a register of channels at a time over the window.
type poolMaker struct {
	v            isa
	y, argmax, x reg.GPVirtual
	best, at, v0 reg.VecPhysical
}

func makeMaxPool(v isa) {
	declare("maxPool"+v.name, "func(c int, y *float32, argmax *uint8, window *windowPixel, pixels int, x *float32)",
		"maxPool"+v.name+maxPoolDoc)
	g := &poolMaker{
		v: v, best: v.regs[0], at: v.regs[1], v0: v.regs[2],
		y: Load(Param("y"), GP64()).(reg.GPVirtual), argmax: Load(Param("argmax"), GP64()).(reg.GPVirtual), x: Load(Param("x"), GP64()).(reg.GPVirtual),
	}
	left := Load(Param("c"), GP64()).(reg.GPVirtual)
	Label("full")
	CMPQ(left, U32(uint32(v.lanes)))
	JLT(LabelRef("tail"))
	g.channels("full", nil)
	VMOVUPS(g.best, Mem{Base: g.y})
	g.places()
	g.storePlaces()
	ADDQ(U32(uint32(v.bytes())), g.y)
	ADDQ(U32(uint32(v.bytes())), g.x)
	ADDQ(U32(uint32(v.lanes)), g.argmax)
	SUBQ(U32(uint32(v.lanes)), left)
	JMP(LabelRef("full"))
	Label("tail")
	TESTQ(left, left)
	JZ(LabelRef("end"))
	count := GP64()
	MOVQ(left, count)
	mask := v.tailMasks(count, 1, []reg.VecPhysical{v.regs[3]})
	g.channels("tail", mask)
	mask.store(g.best, 0, Mem{Base: g.y})
	g.places()
	g.storeTail(left)
	Label("end")
	VZEROUPPER()
	RET()
}

// channels emits the way through the window: best and at hold the maximum and its place.
func (g *poolMaker) channels(label string, mask *masks) {
	w, n := Load(Param("window"), GP64()).(reg.GPVirtual), Load(Param("pixels"), GP64())
	offset, index := GP64(), GP32()
	MOVQ(Mem{Base: w}, offset)
	mask.load(Mem{Base: g.x, Index: offset, Scale: 4}, 0, g.best)
	MOVBLZX(Mem{Base: w, Disp: 8}, index)
	g.broadcast(index, g.at)
	Label(label + "Pixel")
	DECQ(n)
	JZ(LabelRef(label + "Found"))
	ADDQ(U8(16), w)
	MOVQ(Mem{Base: w}, offset)
	MOVBLZX(Mem{Base: w, Disp: 8}, index)
	mask.load(Mem{Base: g.x, Index: offset, Scale: 4}, 0, g.v0)
	g.join(index)
	JMP(LabelRef(label + "Pixel"))
	Label(label + "Found")
}

func (g *poolMaker) broadcast(word reg.GPVirtual, to reg.VecPhysical) {
	if g.v.is512() {
		VPBROADCASTD(word, to)
		return
	}
	x := to.(reg.Vec).AsX()
	VMOVD(word, x)
	VPBROADCASTD(x, to)
}

// join takes the lanes of v0 that are larger than the best.
func (g *poolMaker) join(index reg.GPVirtual) {
	if g.v.is512() {
		VCMPPS(U8(0x1e), g.best, g.v0, reg.K3)
		VMOVAPS(g.v0, reg.K3, g.best)
		VPBROADCASTD(index, reg.K3, g.at)
		return
	}
	larger, place := g.v.regs[4], g.v.regs[5]
	g.broadcast(index, place)
	VCMPPS(U8(0x1e), g.best, g.v0, larger)
	VBLENDVPS(larger, g.v0, g.best, g.best)
	VBLENDVPS(larger, place, g.at, g.at)
}

// places packs the places to bytes in the low part of at.
func (g *poolMaker) places() {
	at := g.at.(reg.Vec)
	if g.v.is512() {
		VPMOVDB(at.AsZ(), at.AsX())
		return
	}
	high := g.v.regs[4].(reg.Vec).AsX()
	VEXTRACTI128(U8(1), at.AsY(), high)
	VPACKUSDW(high, at.AsX(), at.AsX())
	VPACKUSWB(at.AsX(), at.AsX(), at.AsX())
}

func (g *poolMaker) storePlaces() {
	at := g.at.(reg.Vec).AsX()
	if g.v.is512() {
		VMOVDQU(at, Mem{Base: g.argmax})
		return
	}
	VMOVQ(at, Mem{Base: g.argmax})
}

// storeTail writes the first left places, byte by byte.
func (g *poolMaker) storeTail(left reg.GPVirtual) {
	at := g.at.(reg.Vec).AsX()
	Label("byte")
	VPEXTRB(U8(0), at, Mem{Base: g.argmax})
	VPSRLDQ(U8(1), at, at)
	INCQ(g.argmax)
	DECQ(left)
	JNZ(LabelRef("byte"))
}

const maxPoolGradDoc = ` is, for each channel j < c, c a multiple of the registers' width:

	for each w in window: dx[w.at+j] += dy[j] if argmax[j] == w.index`

// makeMaxPoolGrad writes the gradient of one output pixel.
func makeMaxPoolGrad(v isa) {
	declare("maxPoolGrad"+v.name, "func(c int, dx *float32, window *windowPixel, pixels int, dy *float32, argmax *uint8)", "maxPoolGrad"+v.name+maxPoolGradDoc)
	dx, dy, argmax := Load(Param("dx"), GP64()), Load(Param("dy"), GP64()), Load(Param("argmax"), GP64())
	left := Load(Param("c"), GP64())
	grad, place, want, sum := v.regs[0], v.regs[1], v.regs[2], v.regs[3]
	Label("channels")
	CMPQ(left, U32(uint32(v.lanes)))
	JLT(LabelRef("end"))
	VMOVUPS(Mem{Base: dy}, grad)
	VPMOVZXBD(Mem{Base: argmax}, place)
	w, n := Load(Param("window"), GP64()), Load(Param("pixels"), GP64())
	offset, index := GP64(), GP32()
	g := &poolMaker{v: v}
	Label("pixel")
	MOVQ(Mem{Base: w}, offset)
	MOVBLZX(Mem{Base: w, Disp: 8}, index)
	g.broadcast(index, want)
	pixel := Mem{Base: dx, Index: offset, Scale: 4}
	VMOVUPS(pixel, sum)
	if v.is512() {
		VPCMPEQD(place, want, reg.K3)
		VADDPS(grad, sum, reg.K3, sum)
	} else {
		VPCMPEQD(place, want, want)
		VANDPS(want, grad, want)
		VADDPS(want, sum, sum)
	}
	VMOVUPS(sum, pixel)
	ADDQ(U8(16), w)
	DECQ(n)
	JNZ(LabelRef("pixel"))
	ADDQ(U32(uint32(v.bytes())), dx)
	ADDQ(U32(uint32(v.bytes())), dy)
	ADDQ(U32(uint32(v.lanes)), argmax)
	SUBQ(U32(uint32(v.lanes)), left)
	JMP(LabelRef("channels"))
	Label("end")
	VZEROUPPER()
	RET()
}
