package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of kernel.PairBlock, held by TestPairBlockLayout.
const (
	pairX        = 0
	pairRowGroup = 24
	pairColGroup = 48
	pairRow0     = 72
	pairRow1     = 96
	pairCol0     = 120
	pairCol1     = 144
	pairRows     = 168
	pairCols     = 176
	pairLd       = 184
	pairHigh     = 192
	pairLow      = 196
)

const (
	pairSumsDoc = `%s is, for rows r and columns c of b, with e = exp(scale·x[r,c]) and same = (rowGroup[r] == colGroup[c]):

	row0[r] = Σ_c e; row1[r] = Σ_c (%s if same); col0[c] += Σ_r e; col1[c] += Σ_r (%s if same)`
	pairGradientDoc = `%s is, for rows r and columns c of b, with e = exp(scale·x[r,c]) and same = (rowGroup[r] == colGroup[c]):

	x[r,c] = e·(row0[r] + col0[c]) - %s(row1[r] + col1[c] if same)`
)

// pairMaker writes a pass over the rows of a block of pairs.
type pairMaker struct {
	v        isa
	inside   bool // the mean stands inside the log: positives count by e
	gradient bool
	b        reg.Register
	x        reg.GPVirtual // the row
	col      map[int]reg.GPVirtual
	j        reg.GPVirtual // bytes into the row
	taken    int
	consts   map[string]reg.VecPhysical
	group    reg.VecPhysical
	row      [2]reg.VecPhysical // running sums, or the row's coefficients
	mask     *masks
}

// pairUnit is one register of a row.
type pairUnit struct {
	m          *pairMaker
	at         int
	mask       *masks
	x, n, r, p reg.VecPhysical
}

func pairs(v isa) {
	for _, inside := range []bool{false, true} {
		makePairs(&pairMaker{v: v, inside: inside})
		makePairs(&pairMaker{v: v, inside: inside, gradient: true})
	}
}

func (m *pairMaker) declare() {
	place, positive, times := "Outside", "x[r,c]", ""
	if m.inside {
		place, positive, times = "Inside", "e", "e·"
	}
	if m.gradient {
		name := "pairGradient" + place + m.v.name
		declare(name, "func(b *PairBlock)", fmt.Sprintf(pairGradientDoc, name, times))
		return
	}
	name := "pairSums" + place + m.v.name
	declare(name, "func(b *PairBlock)", fmt.Sprintf(pairSumsDoc, name, positive, positive))
}

func makePairs(m *pairMaker) {
	m.declare()
	m.b = Load(Param("b"), GP64())
	m.registers()
	tail := m.field(pairCols)
	ANDQ(U8(uint8(m.v.lanes-1)), tail)
	count := GP64()
	MOVQ(tail, count)
	m.mask = m.v.tailMasks(count, 1, []reg.VecPhysical{m.take()})
	m.x, m.j = m.field(pairX), GP64()
	m.col = map[int]reg.GPVirtual{}
	for _, at := range []int{pairColGroup, pairCol0, pairCol1} {
		m.col[at] = m.field(at)
	}
	ld, r := m.field(pairLd), GP64()
	SHLQ(U8(2), ld)
	XORQ(r, r)
	Label("row")
	m.beginRow(r)
	left := m.field(pairCols)
	XORQ(m.j, m.j)
	m.block("many", left, m.flight())
	m.block("one", left, 1)
	TESTQ(tail, tail)
	JZ(LabelRef("endRow"))
	m.unit(0, m.mask).body()
	Label("endRow")
	m.endRow(r)
	ADDQ(ld, m.x)
	INCQ(r)
	CMPQ(r, Mem{Base: m.b, Disp: pairRows})
	JLT(LabelRef("row"))
	VZEROUPPER()
	RET()
}

func (m *pairMaker) take() reg.VecPhysical { m.taken++; return m.v.regs[m.taken-1] }

func (m *pairMaker) field(at int) reg.GPVirtual {
	r := GP64()
	MOVQ(Mem{Base: m.b, Disp: at}, r)
	return r
}

// exp2Constants are 1 + c1·r + … + c6·r⁶, which is 2ʳ on |r| ≤ ½ with the least relative error that
// is possible, 3e-9; 2⁰ is 1 exactly.
var exp2Constants = []constant{
	{"exp2c6", float(0.00015594677541745636)}, {"exp2c5", float(0.001340664390487925)}, {"exp2c4", float(0.009617692974910887)},
	{"exp2c3", float(0.05550310550996409)}, {"exp2c2", float(0.2402265278287605)}, {"exp2c1", float(0.6931472149680392)}, {"one", float(1)},
}

func (m *pairMaker) registers() {
	m.consts = map[string]reg.VecPhysical{"high": m.take(), "low": m.take()}
	VBROADCASTSS(Mem{Base: m.b, Disp: pairHigh}, m.consts["high"])
	VBROADCASTSS(Mem{Base: m.b, Disp: pairLow}, m.consts["low"])
	m.group, m.row[0], m.row[1] = m.take(), m.take(), m.take()
	if !m.v.is512() {
		return
	}
	for _, c := range exp2Constants {
		m.consts[c.name] = m.take()
		word := GP32()
		MOVL(U32(c.bits), word)
		VPBROADCASTD(word, m.consts[c.name])
	}
}

// constant is where a constant of the polynomial is: a register, or memory where there are few.
func (m *pairMaker) constant(c constant) Op {
	if r, ok := m.consts[c.name]; ok {
		return r
	}
	return constantData(c)
}

func (m *pairMaker) flight() int { return min(4, (len(m.v.regs)-m.taken)/4) }

func (m *pairMaker) unit(j int, mask *masks) *pairUnit {
	temp := func(i int) reg.VecPhysical { return m.v.regs[m.taken+4*j+i] }
	return &pairUnit{m: m, at: j * m.v.bytes(), mask: mask, x: temp(0), n: temp(1), r: temp(2), p: temp(3)}
}

func (m *pairMaker) block(label string, left reg.GPVirtual, n int) {
	Label(label)
	CMPQ(left, U32(uint32(n*m.v.lanes)))
	JLT(LabelRef(label + "Done"))
	for j := range n {
		m.unit(j, nil).body()
	}
	ADDQ(U32(uint32(n*m.v.bytes())), m.j)
	SUBQ(U32(uint32(n*m.v.lanes)), left)
	JMP(LabelRef(label))
	Label(label + "Done")
}

// beginRow loads what all columns of row r share.
func (m *pairMaker) beginRow(r reg.GPVirtual) {
	at := m.field(pairRowGroup)
	VBROADCASTSS(Mem{Base: at, Index: r, Scale: 4}, m.group)
	for i, place := range []int{pairRow0, pairRow1} {
		if !m.gradient {
			m.v.zero(m.row[i])
			continue
		}
		at := m.field(place)
		VBROADCASTSS(Mem{Base: at, Index: r, Scale: 4}, m.row[i])
	}
}

// endRow stores the two sums of row r.
func (m *pairMaker) endRow(r reg.GPVirtual) {
	if m.gradient {
		return
	}
	for i, place := range []int{pairRow0, pairRow1} {
		x := m.v.joinSum(m.row[i], m.v.regs[m.taken])
		at := m.field(place)
		VMOVSS(x, Mem{Base: at, Index: r, Scale: 4})
	}
}

// joinSum adds up the lanes of sum, halves upon halves.
func (v isa) joinSum(sum, other reg.VecPhysical) reg.VecPhysical {
	s, o := sum.(reg.Vec), other.(reg.Vec)
	if v.is512() {
		VEXTRACTF64X4(U8(1), s.AsZ(), o.AsY())
		VADDPS(o.AsY(), s.AsY(), s.AsY())
		VEXTRACTF32X4(U8(1), s.AsY(), o.AsX())
	} else {
		VEXTRACTF128(U8(1), s.AsY(), o.AsX())
	}
	VADDPS(o.AsX(), s.AsX(), s.AsX())
	for _, order := range []uint8{0x4e, 0xb1} {
		VPERMILPS(U8(order), s.AsX(), o.AsX())
		VADDPS(o.AsX(), s.AsX(), s.AsX())
	}
	return s.AsX().(reg.VecPhysical)
}

func (u *pairUnit) column(at int) Mem {
	return Mem{Base: u.m.col[at], Index: u.m.j, Scale: 1, Disp: u.at}
}

func (u *pairUnit) own() Mem { return Mem{Base: u.m.x, Index: u.m.j, Scale: 1, Disp: u.at} }

func (u *pairUnit) body() {
	u.mask.load(u.own(), 0, u.x)
	u.exponential()
	if u.m.gradient {
		u.gradient()
		return
	}
	u.sums()
}

// exponential makes p = exp(scale·x): with scale·log₂e = high + low and n the nearest whole number to
// x·high, 2ⁿ·2ʳ with r = x·high − n + x·low, where the first product is not rounded.
func (u *pairUnit) exponential() {
	VMULPS(u.m.consts["high"], u.x, u.n)
	if u.m.v.is512() {
		VRNDSCALEPS(U8(0), u.n, u.n)
	} else {
		VROUNDPS(U8(0), u.n, u.n)
	}
	VMOVAPS(u.x, u.r)
	VFMSUB213PS(u.n, u.m.consts["high"], u.r)
	VFMADD231PS(u.m.consts["low"], u.x, u.r)
	VMOVUPS(u.m.constant(exp2Constants[0]), u.p)
	for _, c := range exp2Constants[1:] {
		VFMADD213PS(u.m.constant(c), u.r, u.p)
	}
	if u.m.v.is512() {
		VSCALEFPS(u.n, u.p, u.p)
		return
	}
	VCVTPS2DQ(u.n, u.n)
	VPSLLD(U8(23), u.n, u.n)
	VPADDD(u.n, u.p, u.p)
}

// same finds the lanes of the row's group: in an opmask, or in r where there are none.
func (u *pairUnit) same() {
	u.mask.load(u.column(pairColGroup), 0, u.r)
	if u.m.v.is512() {
		VPCMPEQD(u.m.group, u.r, reg.K3)
		return
	}
	VPCMPEQD(u.m.group, u.r, u.r)
}

func (u *pairUnit) sums() {
	switch { // lanes outside a tail add nothing
	case u.mask == nil:
	case u.mask.ks != nil:
		VMOVAPS_Z(u.p, u.mask.ks[0], u.p)
	default:
		VANDPS(u.mask.ys[0], u.p, u.p)
	}
	VADDPS(u.p, u.m.row[0], u.m.row[0])
	u.mask.load(u.column(pairCol0), 0, u.n)
	VADDPS(u.p, u.n, u.n)
	u.mask.store(u.n, 0, u.column(pairCol0))
	u.same()
	positive := u.x
	if u.m.inside {
		positive = u.p
	}
	u.mask.load(u.column(pairCol1), 0, u.n)
	if u.m.v.is512() {
		VADDPS(positive, u.m.row[1], reg.K3, u.m.row[1])
		VADDPS(positive, u.n, reg.K3, u.n)
	} else {
		VANDPS(positive, u.r, u.r)
		VADDPS(u.r, u.m.row[1], u.m.row[1])
		VADDPS(u.r, u.n, u.n)
	}
	u.mask.store(u.n, 0, u.column(pairCol1))
}

func (u *pairUnit) gradient() {
	u.mask.load(u.column(pairCol0), 0, u.n)
	VADDPS(u.m.row[0], u.n, u.n)
	u.same()
	u.mask.load(u.column(pairCol1), 0, u.x)
	VADDPS(u.m.row[1], u.x, u.x)
	if u.m.inside {
		u.lessPositive(u.n)
		VMULPS(u.n, u.p, u.p)
	} else {
		VMULPS(u.n, u.p, u.p)
		u.lessPositive(u.p)
	}
	u.mask.store(u.p, 0, u.own())
}

// lessPositive takes x off the lanes of the row's group.
func (u *pairUnit) lessPositive(from reg.VecPhysical) {
	if u.m.v.is512() {
		VSUBPS(u.x, from, reg.K3, from)
		return
	}
	VANDPS(u.x, u.r, u.r)
	VSUBPS(u.r, from, from)
}
