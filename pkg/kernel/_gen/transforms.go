package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

type vec = reg.VecPhysical

// The transforms of F(4×4, 3×3), with the points 0, ±1, ±2, ∞ (Lavin & Gray 2016, arXiv 1509.09308):
//
//	Bᵀ: 4x0−5x2+x4 | (x4−4x2)±(x3−4x1) | (x4−x2)±2(x3−x1) | 4x1−5x3+x5
//	G:  x0/4 | −(x0+x2)/6 ∓ x1/6 | (x0/24+x2/6) ± x1/12 | x2
//	Aᵀ: x0+(x1+x2)+(x3+x4) | (x1−x2)+2(x3−x4) | (x1+x2)+4(x3+x4) | (x1−x2)+8(x3−x4)+x5
//
// and A, Gᵀ for the gradient by the filter.
var transforms = []transform{
	{
		name: "winogradInput", in: 6, out: 6, loop: "dst[f·stride+i] = (Bᵀ·X·B)[f], X[p] = src[pixels[p]+i]",
		pairs: [][2]int{{0, 5}, {1, 2}, {3, 4}}, first: inputFirst, second: inputSecond,
	},
	{
		name: "winogradFilter", in: 3, out: 6, loop: "dst[f·stride+i] = (G·X·Gᵀ)[f], X[p] = src[pixels[p]+i]",
		pairs: [][2]int{{0, 5}, {1, 2}, {3, 4}}, first: filterFirst, second: filterSecond,
	},
	{
		name: "winogradDy", in: 4, out: 6, loop: "dst[f·stride+i] = (A·X·Aᵀ)[f], X[p] = src[pixels[p]+i]",
		pairs: [][2]int{{0, 5}, {1, 2}, {3, 4}}, first: dyFirst, second: dySecond,
	},
	{
		name: "winogradOutput", in: 6, out: 4, scatter: true, bias: true,
		loop:  "dst[pixels[p]+i] = max(floor, bias[i] + (Aᵀ·X·A)[p]), X[f] = src[f·stride+i]",
		pairs: [][2]int{{0, 2}, {1, 3}}, first: outputFirst, second: outputSecond,
	},
	{
		name: "winogradDw", in: 6, out: 3, scatter: true, loop: "dst[pixels[p]+i] = (Gᵀ·X·G)[p], X[f] = src[f·stride+i]",
		pairs: [][2]int{{0, 2}, {1, -1}}, first: dwFirst, second: dwSecond,
	},
}

// plusMinus makes a+b and a−b in a and b.
func plusMinus(a, b, temp vec) {
	VSUBPS(b, a, temp)
	VADDPS(b, a, a)
	VMOVAPS(temp, b)
}

func inputFirst(w *winogradMaker, pair int, a, b vec, load func(int, vec)) {
	x, y := w.temp(0), w.temp(1)
	switch pair {
	case 0:
		load(4, a)
		load(0, x)
		VFMADD231PS(w.constant("four"), x, a)
		load(2, x)
		VFNMADD231PS(w.constant("five"), x, a)
		load(5, b)
		load(1, y)
		VFMADD231PS(w.constant("four"), y, b)
		load(3, y)
		VFNMADD231PS(w.constant("five"), y, b)
	case 1:
		load(4, a)
		load(2, x)
		VFNMADD231PS(w.constant("four"), x, a)
		load(3, x)
		load(1, y)
		VFNMADD231PS(w.constant("four"), y, x)
		VSUBPS(x, a, b)
		VADDPS(x, a, a)
	case 2:
		load(4, a)
		load(2, x)
		VSUBPS(x, a, a)
		load(3, x)
		load(1, y)
		VSUBPS(y, x, x)
		VMOVAPS(a, b)
		VFMADD231PS(w.constant("two"), x, a)
		VFNMADD231PS(w.constant("two"), x, b)
	}
}

func inputSecond(w *winogradMaker, x []vec, store func(int, vec)) {
	a, b, c := w.temp(0), w.temp(1), w.temp(2)
	VMOVAPS(x[4], a)
	VFNMADD231PS(w.constant("four"), x[2], a)
	VMOVAPS(x[3], b)
	VFNMADD231PS(w.constant("four"), x[1], b)
	VADDPS(b, a, c)
	store(1, c)
	VSUBPS(b, a, c)
	store(2, c)
	VSUBPS(x[2], x[4], a)
	VSUBPS(x[1], x[3], b)
	VMOVAPS(a, c)
	VFMADD231PS(w.constant("two"), b, c)
	store(3, c)
	VFNMADD231PS(w.constant("two"), b, a)
	store(4, a)
	VFMADD231PS(w.constant("four"), x[0], x[4])
	VFNMADD231PS(w.constant("five"), x[2], x[4])
	store(0, x[4])
	VFMADD231PS(w.constant("four"), x[1], x[5])
	VFNMADD231PS(w.constant("five"), x[3], x[5])
	store(5, x[5])
}

func filterFirst(w *winogradMaker, pair int, a, b vec, load func(int, vec)) {
	x := w.temp(0)
	switch pair {
	case 0:
		load(0, a)
		VMULPS(w.constant("quarter"), a, a)
		load(2, b)
	case 1:
		load(0, a)
		load(2, x)
		VADDPS(x, a, a)
		load(1, b)
		filterNegative(w, a, b)
	case 2:
		load(0, a)
		load(2, x)
		load(1, b)
		filterScaled(w, a, b, x)
	}
}

// filterNegative makes −(a+b)/6 and −(a−b)/6.
func filterNegative(w *winogradMaker, a, b vec) {
	plusMinus(a, b, w.temp(1))
	for _, v := range []vec{a, b} {
		w.v.zero(w.temp(1))
		VFNMADD231PS(w.constant("sixth"), v, w.temp(1))
		VMOVAPS(w.temp(1), v)
	}
}

// filterScaled makes (a/24 + x/6) ± b/12 in a and b.
func filterScaled(w *winogradMaker, a, b, x vec) {
	VMULPS(w.constant("twentyfourth"), a, a)
	VFMADD231PS(w.constant("sixth"), x, a)
	VMULPS(w.constant("twelfth"), b, b)
	plusMinus(a, b, w.temp(1))
}

func filterSecond(w *winogradMaker, x []vec, store func(int, vec)) {
	a, b := w.temp(0), w.temp(2)
	VMULPS(w.constant("quarter"), x[0], a)
	store(0, a)
	VADDPS(x[2], x[0], a)
	VMOVAPS(x[1], b)
	filterNegative(w, a, b)
	store(1, a)
	store(2, b)
	filterScaled(w, x[0], x[1], x[2])
	store(3, x[0])
	store(4, x[1])
	store(5, x[2])
}

func dyFirst(w *winogradMaker, pair int, a, b vec, load func(int, vec)) {
	x := w.temp(0)
	switch pair {
	case 0:
		load(0, a)
		load(3, b)
	case 1:
		load(0, a)
		load(2, x)
		VADDPS(x, a, a)
		load(1, b)
		load(3, x)
		VADDPS(x, b, b)
		plusMinus(a, b, x)
	case 2:
		load(0, a)
		load(2, x)
		VFMADD231PS(w.constant("four"), x, a)
		load(1, b)
		load(3, x)
		VFMADD231PS(w.constant("four"), x, b)
		VADDPS(b, b, b)
		plusMinus(a, b, x)
	}
}

func dySecond(w *winogradMaker, x []vec, store func(int, vec)) {
	a, b, c := w.temp(0), w.temp(1), w.temp(2)
	store(0, x[0])
	store(5, x[3])
	VADDPS(x[2], x[0], a)
	VADDPS(x[3], x[1], b)
	VADDPS(b, a, c)
	store(1, c)
	VSUBPS(b, a, c)
	store(2, c)
	VFMADD231PS(w.constant("four"), x[2], x[0])
	VFMADD231PS(w.constant("four"), x[3], x[1])
	VADDPS(x[1], x[1], x[1])
	VADDPS(x[1], x[0], a)
	store(3, a)
	VSUBPS(x[1], x[0], a)
	store(4, a)
}

func outputFirst(w *winogradMaker, pair int, a, b vec, load func(int, vec)) {
	x, y := w.temp(0), w.temp(1)
	load(1, a)
	load(2, x)
	load(3, b)
	load(4, y)
	if pair == 0 { // a = m0 + (m1+m2) + (m3+m4), b = (m1+m2) + 4(m3+m4)
		VADDPS(x, a, a)
		VADDPS(y, b, b)
		VMOVAPS(b, x)
		VMOVAPS(a, y)
		VADDPS(x, a, a)
		VMOVAPS(y, b)
		VFMADD231PS(w.constant("four"), x, b)
		load(0, x)
		VADDPS(x, a, a)
		return
	}
	VSUBPS(x, a, a) // a = (m1−m2) + 2(m3−m4), b = (m1−m2) + 8(m3−m4) + m5
	VSUBPS(y, b, x)
	load(5, b)
	VADDPS(a, b, b)
	VFMADD231PS(w.constant("eight"), x, b)
	VFMADD231PS(w.constant("two"), x, a)
}

func outputSecond(w *winogradMaker, x []vec, store func(int, vec)) {
	a, b := w.temp(0), w.temp(1)
	VSUBPS(x[2], x[1], a)
	VADDPS(x[2], x[1], x[1])
	VSUBPS(x[4], x[3], b)
	VADDPS(x[4], x[3], x[3])
	VADDPS(x[1], x[0], x[0])
	VADDPS(x[3], x[0], x[0])
	store(0, x[0])
	VADDPS(a, x[5], x[5])
	VFMADD231PS(w.constant("eight"), b, x[5])
	VFMADD231PS(w.constant("two"), b, a)
	store(1, a)
	VFMADD231PS(w.constant("four"), x[3], x[1])
	store(2, x[1])
	store(3, x[5])
}

func dwFirst(w *winogradMaker, pair int, a, b vec, load func(int, vec)) {
	x, y := w.temp(0), w.temp(1)
	load(1, x)
	load(2, a)
	load(3, y)
	load(4, b)
	if pair == 0 { // a = m0/4 − (m1+m2)/6 + (m3+m4)/24, b = −(m1+m2)/6 + (m3+m4)/6 + m5
		VADDPS(a, x, x)
		VADDPS(b, y, y)
		load(0, a)
		VMULPS(w.constant("quarter"), a, a)
		VFNMADD231PS(w.constant("sixth"), x, a)
		VFMADD231PS(w.constant("twentyfourth"), y, a)
		VSUBPS(x, y, y)
		load(5, b)
		VFMADD231PS(w.constant("sixth"), y, b)
		return
	}
	VSUBPS(x, a, a) // a = (m2−m1)/6 + (m3−m4)/12
	VSUBPS(b, y, y)
	VMULPS(w.constant("sixth"), a, a)
	VFMADD231PS(w.constant("twelfth"), y, a)
}

func dwSecond(w *winogradMaker, x []vec, store func(int, vec)) {
	a, b := w.temp(0), w.temp(1)
	VSUBPS(x[1], x[2], a)
	VMULPS(w.constant("sixth"), a, a)
	VSUBPS(x[4], x[3], b)
	VFMADD231PS(w.constant("twelfth"), b, a)
	store(1, a)
	VADDPS(x[2], x[1], x[1])
	VADDPS(x[4], x[3], x[3])
	VMULPS(w.constant("quarter"), x[0], a)
	VFNMADD231PS(w.constant("sixth"), x[1], a)
	VFMADD231PS(w.constant("twentyfourth"), x[3], a)
	store(0, a)
	VSUBPS(x[1], x[3], x[3])
	VFMADD231PS(w.constant("sixth"), x[3], x[5])
	store(2, x[5])
}
