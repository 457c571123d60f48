package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The exponential: n = round(x/ln 2), r = x − n·ln 2 in two parts, exp(r) by its Taylor polynomial of
// degree 6 on |r| ≤ ln 2/2, times 2ⁿ through the exponent bits.
var expConstants = []constant{
	{"low", float(-87)}, {"log2e", float(math.Log2E)},
	{"ln2a", float(0.693359375)}, {"ln2b", float(math.Ln2 - 0.693359375)},
	{"c6", float(1. / 720)}, {"c5", float(1. / 120)}, {"c4", float(1. / 24)}, {"c3", float(1. / 6)}, {"c2", float(0.5)}, {"one", float(1)},
}

func expBody(u *rowUnit) {
	x, n, p := u.temp(0), u.temp(1), u.temp(2)
	u.load("src", x)
	VSUBPS(u.fixed("max"), x, x)
	VMULPS(u.fixed("scale"), x, x)
	VMAXPS(x, u.fixed("low"), x)
	VMULPS(u.constant("log2e"), x, n)
	if u.m.v.is512() {
		VRNDSCALEPS(U8(0), n, n)
	} else {
		VROUNDPS(U8(0), n, n)
	}
	VFNMADD231PS(u.constant("ln2a"), n, x)
	VFNMADD231PS(u.constant("ln2b"), n, x)
	VMOVUPS(u.constant("c6"), p)
	for _, c := range []string{"c5", "c4", "c3", "c2", "one", "one"} {
		VFMADD213PS(u.constant(c), x, p)
	}
	VCVTPS2DQ(n, n)
	VPSLLD(U8(23), n, n)
	VPADDD(n, p, p)
	u.zeroBelow(p, x)
	u.zeroTail(p)
	u.store(p, "dst")
	VADDPS(p, u.sum(), u.sum())
}

// zeroBelow makes p zero where the argument was at or below the lowest; x is free.
func (u *rowUnit) zeroBelow(p, x reg.VecPhysical) {
	u.load("src", x)
	VSUBPS(u.fixed("max"), x, x)
	VMULPS(u.fixed("scale"), x, x)
	if u.m.v.is512() {
		VCMPPS(U8(0x1e), u.fixed("low"), x, reg.K3)
		VMOVAPS_Z(p, reg.K3, p)
		return
	}
	VCMPPS(U8(0x1e), u.fixed("low"), x, x)
	VANDPS(x, p, p)
}

func (u *rowUnit) zeroTail(p reg.VecPhysical) {
	switch {
	case u.mask == nil:
	case u.mask.ks != nil:
		VMOVAPS_Z(p, u.mask.ks[0], p)
	default:
		VANDPS(u.mask.ys[0], p, p)
	}
}
