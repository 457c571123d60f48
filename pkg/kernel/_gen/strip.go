package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// mapStrip is a pass over rows of c floats: streams run on through the rows, vectors begin again
// with each row, scalars are the same for all.
type mapStrip struct {
	name    string
	streams []string
	vectors []string
	scalars []string
	loop    string // what it replaces, in Go
	past    bool   // store past the cache
	temps   int    // registers that the body needs for each unit
	setup   func(m *mapMaker)
	body    func(u *unit)
}

// mapMaker writes a mapStrip for one instruction set.
type mapMaker struct {
	v       isa
	s       *mapStrip
	ptr     map[string]reg.GPVirtual
	i, j    reg.GPVirtual // bytes into the streams, into the vectors
	scalars map[string]reg.VecPhysical
	consts  int // registers taken by scalars
}

// unit is one register's worth of a strip: what a body reads and writes through.
type unit struct {
	m    *mapMaker
	at   int // bytes from the indices
	mask *masks
	base int // first of its registers
}

func (u *unit) temp(i int) reg.VecPhysical         { return u.m.v.regs[u.base+i] }
func (u *unit) scalar(name string) reg.VecPhysical { return u.m.scalars[name] }

func (u *unit) mem(name string) Mem {
	index := u.m.j
	for _, s := range u.m.s.streams {
		if s == name {
			index = u.m.i
		}
	}
	return Mem{Base: u.m.ptr[name], Index: index, Scale: 1, Disp: u.at}
}

func (u *unit) load(name string, to reg.VecPhysical) { u.mask.load(u.mem(name), 0, to) }
func (u *unit) store(x reg.VecPhysical, name string) {
	if u.m.s.past && u.mask == nil {
		VMOVNTPS(x, u.mem(name))
		return
	}
	u.mask.store(x, 0, u.mem(name))
}
func (m *mapMaker) scalarRegister() reg.VecPhysical { m.consts++; return m.v.regs[m.consts-1] }

func makeMap(v isa, s mapStrip) {
	params := []string{"rows, c int"}
	if p := append(append([]string{}, s.streams...), s.vectors...); len(p) > 0 {
		params = append(params, strings.Join(p, ", ")+" *float32")
	}
	if len(s.scalars) > 0 {
		params = append(params, strings.Join(s.scalars, ", ")+" float32")
	}
	name := s.name + v.name
	declare(name, "func("+strings.Join(params, ", ")+")",
		fmt.Sprintf("%s is, for each row r and column j, i = r·c + j:\n\n\t%s", name, s.loop))
	m := &mapMaker{v: v, s: &s, ptr: map[string]reg.GPVirtual{}, scalars: map[string]reg.VecPhysical{}}
	for _, p := range append(append([]string{}, s.streams...), s.vectors...) {
		m.ptr[p] = Load(Param(p), GP64()).(reg.GPVirtual)
	}
	for _, p := range s.scalars {
		m.scalars[p] = m.scalarRegister()
		VBROADCASTSS(argument(p), m.scalars[p])
	}
	if s.setup != nil {
		s.setup(m)
	}
	m.rows()
	if s.past {
		SFENCE()
	}
	VZEROUPPER()
	RET()
}

// argument is where a parameter lies.
func argument(name string) Mem {
	at, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return at.Addr
}

// rows emits the loops: over rows, and over a row in fours of registers, registers, and a tail.
func (m *mapMaker) rows() {
	rows := argument("rows") // counted down where it lies: the pointers need the registers
	m.i, m.j = GP64(), GP64()
	left := GP64()
	XORQ(m.i, m.i)
	CMPQ(rows, U8(0))
	JLE(LabelRef("end"))
	Label("row")
	XORQ(m.j, m.j)
	MOVQ(argument("c"), left)
	flight := min(4, (len(m.v.regs)-m.consts-m.reserved())/m.s.temps)
	m.block("many", left, flight)
	if flight > 1 {
		m.block("one", left, 1)
	}
	TESTQ(left, left)
	JZ(LabelRef("next"))
	mask := m.v.tailMasks(left, 1, []reg.VecPhysical{m.v.regs[len(m.v.regs)-1]})
	m.s.body(&unit{m: m, mask: mask, base: m.consts})
	MOVQ(argument("c"), left)
	ANDQ(U8(uint8(m.v.lanes-1)), left)
	LEAQ(Mem{Base: m.i, Index: left, Scale: 4}, m.i)
	Label("next")
	DECQ(rows)
	JNZ(LabelRef("row"))
	Label("end")
}

// reserved is the register that AVX2 keeps for the mask of a tail.
func (m *mapMaker) reserved() int {
	if m.v.is512() {
		return 0
	}
	return 1
}

// block emits a loop that takes n registers at a time while there are as many.
func (m *mapMaker) block(label string, left reg.GPVirtual, n int) {
	Label(label)
	CMPQ(left, U32(uint32(n*m.v.lanes)))
	JLT(LabelRef(label + "Done"))
	for k := range n {
		m.s.body(&unit{m: m, at: k * m.v.bytes(), base: m.consts + k*m.s.temps})
	}
	ADDQ(U32(uint32(n*m.v.bytes())), m.i)
	ADDQ(U32(uint32(n*m.v.bytes())), m.j)
	SUBQ(U32(uint32(n*m.v.lanes)), left)
	JMP(LabelRef(label))
	Label(label + "Done")
}

// keepPositive makes x zero where y is not above zero; it destroys y.
func (v isa) keepPositive(x, y, zero reg.VecPhysical) {
	if v.is512() {
		VCMPPS(U8(0x1e), zero, y, reg.K3)
		VMOVAPS_Z(x, reg.K3, x)
		return
	}
	VCMPPS(U8(0x1e), zero, y, y)
	VANDPS(y, x, x)
}
