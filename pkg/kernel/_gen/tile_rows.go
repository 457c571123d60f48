package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

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
