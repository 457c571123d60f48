package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rowStrip makes one number of a row: four registers of it at once, then one, then a tail.
type rowStrip struct {
	name, signature, loop string
	streams               []string
	scalars               []string
	temps                 int
	least                 bool // the sums begin at −∞ and join by maximum
	constants             []constant
	body                  func(u *rowUnit)
}

// constant is a number that a body needs in every lane.
type constant struct {
	name string
	bits uint32
}

type rowMaker struct {
	v      isa
	s      *rowStrip
	ptr    map[string]reg.GPVirtual
	fixed  map[string]reg.VecPhysical
	taken  int
	flight int
}

// rowUnit is one register of the row; its sum is its own, so that units do not wait for each other.
type rowUnit struct {
	m    *rowMaker
	j    int
	mask *masks
}

func (u *rowUnit) sum() reg.VecPhysical { return u.m.v.regs[u.m.taken+u.j] }
func (u *rowUnit) temp(i int) reg.VecPhysical {
	return u.m.v.regs[u.m.taken+u.m.flight+u.j*u.m.s.temps+i]
}
func (u *rowUnit) fixed(name string) reg.VecPhysical { return u.m.fixed[name] }
func (u *rowUnit) mem(name string) Mem {
	return Mem{Base: u.m.ptr[name], Disp: u.j * u.m.v.bytes()}
}
func (u *rowUnit) load(name string, to reg.VecPhysical) { u.mask.load(u.mem(name), 0, to) }
func (u *rowUnit) store(x reg.VecPhysical, name string) { u.mask.store(x, 0, u.mem(name)) }

// keep makes the lanes of x outside a tail equal to what changes no sum.
func (u *rowUnit) keep(x reg.VecPhysical, neutral reg.VecPhysical) {
	switch {
	case u.mask == nil:
	case u.mask.ks != nil:
		VBLENDMPS(x, neutral, u.mask.ks[0], x)
	default:
		VBLENDVPS(u.mask.ys[0], x, neutral, x)
	}
}

func makeRow(v isa, s rowStrip) {
	name := s.name + v.name
	declare(name, s.signature, fmt.Sprintf("%s is, for i < n:\n\n\t%s", name, s.loop))
	m := &rowMaker{v: v, s: &s, ptr: map[string]reg.GPVirtual{}, fixed: map[string]reg.VecPhysical{}}
	for _, p := range s.streams {
		m.ptr[p] = Load(Param(p), GP64()).(reg.GPVirtual)
	}
	m.constants()
	m.flight = min(4, (len(v.regs)-m.taken-1)/(s.temps+1))
	for j := range m.flight {
		m.neutral((&rowUnit{m: m, j: j}).sum())
	}
	left := Load(Param("n"), GP64()).(reg.GPVirtual)
	m.block("many", left, m.flight)
	m.block("one", left, 1)
	TESTQ(left, left)
	JZ(LabelRef("join"))
	mask := v.tailMasks(left, 1, []reg.VecPhysical{v.regs[len(v.regs)-1]})
	s.body(&rowUnit{m: m, mask: mask})
	Label("join")
	m.join()
	VZEROUPPER()
	RET()
}

// constants fills the registers that every unit reads.
func (m *rowMaker) constants() {
	for _, p := range m.s.scalars {
		m.fixed[p] = m.take()
		VBROADCASTSS(argument(p), m.fixed[p])
	}
	for _, c := range m.s.constants {
		if c.name != "low" && !m.v.is512() {
			continue
		}
		m.fixed[c.name] = m.take()
		m.broadcast(c.bits, m.fixed[c.name])
	}
}

// constant is where a constant is: a register, or memory where there are few registers.
func (u *rowUnit) constant(name string) Op {
	if r, ok := u.m.fixed[name]; ok {
		return r
	}
	for _, c := range u.m.s.constants {
		if c.name == name {
			return constantData(c)
		}
	}
	panic("no constant " + name)
}

var constantsMade = map[constant]Mem{}

// constantData is a register's worth of a constant in memory.
func constantData(c constant) Mem {
	if at, ok := constantsMade[c]; ok {
		return at
	}
	at := GLOBL("lanes_"+c.name, RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(c.bits))
	}
	constantsMade[c] = at
	return at
}

func (m *rowMaker) take() reg.VecPhysical { m.taken++; return m.v.regs[m.taken-1] }

func (m *rowMaker) broadcast(bits uint32, to reg.VecPhysical) {
	word := GP32()
	MOVL(U32(bits), word)
	x := to.(reg.Vec).AsX()
	if m.v.is512() {
		VPBROADCASTD(word, to)
		return
	}
	VMOVD(word, x)
	VBROADCASTSS(x, to)
}

func (m *rowMaker) neutral(x reg.VecPhysical) {
	if m.s.least {
		VMOVAPS(m.fixed["low"], x)
		return
	}
	m.v.zero(x)
}

func (m *rowMaker) block(label string, left reg.GPVirtual, n int) {
	Label(label)
	CMPQ(left, U32(uint32(n*m.v.lanes)))
	JLT(LabelRef(label + "Done"))
	for j := range n {
		m.s.body(&rowUnit{m: m, j: j})
	}
	for _, p := range m.s.streams {
		ADDQ(U32(uint32(n*m.v.bytes())), m.ptr[p])
	}
	SUBQ(U32(uint32(n*m.v.lanes)), left)
	JMP(LabelRef(label))
	Label(label + "Done")
}

// join folds the sums to one number, halves upon halves.
func (m *rowMaker) join() {
	fold := func(x, into reg.VecPhysical) { VADDPS(x, into, into) }
	if m.s.least {
		fold = func(x, into reg.VecPhysical) { VMAXPS(x, into, into) }
	}
	at := func(j int) reg.VecPhysical { return (&rowUnit{m: m, j: j}).sum() }
	for j := 1; j < m.flight; j++ {
		fold(at(j), at(0))
	}
	sum, other := at(0).(reg.Vec), m.v.regs[len(m.v.regs)-1].(reg.Vec)
	if m.v.is512() {
		VEXTRACTF64X4(U8(1), sum.AsZ(), other.AsY())
		fold(other.AsY().(reg.VecPhysical), sum.AsY().(reg.VecPhysical))
	}
	x, o := sum.AsX(), other.AsX()
	if m.v.is512() {
		VEXTRACTF32X4(U8(1), sum.AsY(), o)
	} else {
		VEXTRACTF128(U8(1), sum.AsY(), o)
	}
	fold(o.(reg.VecPhysical), x.(reg.VecPhysical))
	VPERMILPS(U8(0x4e), x, o)
	fold(o.(reg.VecPhysical), x.(reg.VecPhysical))
	VPERMILPS(U8(0xb1), x, o)
	fold(o.(reg.VecPhysical), x.(reg.VecPhysical))
	Store(x, ReturnIndex(0))
}

func float(f float64) uint32 { return math.Float32bits(float32(f)) }

var rows = []rowStrip{
	{
		name: "dot", signature: "func(n int, a, b *float32) float32", loop: "sum += a[i]·b[i], in lanes that are added up in the end",
		streams: []string{"a", "b"}, temps: 2,
		body: func(u *rowUnit) {
			u.load("a", u.temp(0))
			u.load("b", u.temp(1))
			VFMADD231PS(u.temp(1), u.temp(0), u.sum())
		},
	},
	{
		name: "maxRow", signature: "func(n int, x *float32) float32", loop: "largest = max(largest, x[i])",
		streams: []string{"x"}, temps: 1, least: true, constants: []constant{{"low", float(math.Inf(-1))}},
		body: func(u *rowUnit) {
			u.load("x", u.temp(0))
			u.keep(u.temp(0), u.fixed("low"))
			VMAXPS(u.temp(0), u.sum(), u.sum())
		},
	},
	{
		name: "expSum", signature: "func(n int, dst, src *float32, scale, max float32) float32",
		loop:    "dst[i] = exp(scale·(src[i]-max)); sum += dst[i], in lanes that are added up in the end",
		streams: []string{"dst", "src"}, scalars: []string{"scale", "max"}, temps: 3,
		constants: expConstants, body: expBody,
	},
}
