package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

type vec = reg.VecPhysical

// The transforms of F(4×4, 3×3) with the points 0, ±√2/2, ±√2, ∞, which lose half as many bits as
// 0, ±1, ±2, ∞ do; one line for each pair of outputs:
//
//	Bᵀ: x0−5/2·x2+x4, x1−5/2·x3+x5 | (x4−2x2) ± √2/2·(x3−2x1) | (x4−x2/2) ± √2·(x3−x1/2)
//	G:  x0, x2 | −(2x0+x2)/3 ∓ √2/3·x1 | (x0/6+x2/3) ± √2/6·x1
//	Aᵀ: x0+(x1+x2)+(x3+x4), (x1+x2)/2+2(x3+x4) | √2/2·(x1−x2)+√2·(x3−x4), √2/4·(x1−x2)+2√2·(x3−x4)+x5
//	A:  x0, x3 | (x0+x2/2) ± √2/2·(x1+x3/2) | (x0+2x2) ± √2·(x1+2x3)
//	Gᵀ: x0−2/3·(x1+x2)+(x3+x4)/6, (x3+x4−x1−x2)/3+x5 | √2/3·(x2−x1)+√2/6·(x3−x4)
//
// The method: Lavin & Gray 2016, arXiv 1509.09308.
var transforms = []transform{
	{
		name: "winogradInput", in: 6, out: 6, loop: "freq[f·stride+i] = (Bᵀ·X·B)[f], X = window of base",
		fresh: 2, pairs: [][2]int{{0, 5}, {1, 2}, {3, 4}}, first: inputFirst, second: inputSecond,
	},
	{
		name: "winogradFilter", in: 3, out: 6, loop: "freq[f·stride+i] = (G·X·Gᵀ)[f], X = window of base",
		fresh: -1, pairs: [][2]int{{0, 5}, {1, 2}, {3, 4}}, first: filterFirst, second: filterSecond,
	},
	{
		name: "winogradDy", in: 4, out: 6, loop: "freq[f·stride+i] = (A·X·Aᵀ)[f], X = window of base",
		pairs: [][2]int{{0, 5}, {1, 2}, {3, 4}}, first: dyFirst, second: dySecond,
	},
	{
		name: "winogradOutput", in: 6, out: 4, scatter: true, bias: true,
		loop:  "window of base = max(floor, bias[i] + Aᵀ·X·A), X[f] = freq[f·stride+i]",
		pairs: [][2]int{{0, 2}, {1, 3}}, first: outputFirst, second: outputSecond,
	},
	{
		name: "winogradOutputPast", in: 6, out: 4, scatter: true, bias: true, past: true,
		loop:  "window of base = max(floor, bias[i] + Aᵀ·X·A), X[f] = freq[f·stride+i], stored past the cache; the window aligned",
		pairs: [][2]int{{0, 2}, {1, 3}}, first: outputFirst, second: outputSecond,
	},
	{
		name: "winogradDw", in: 6, out: 3, scatter: true, loop: "window of base = Gᵀ·X·G, X[f] = freq[f·stride+i]",
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
	if pair == 0 {
		load(4, a)
		load(0, x)
		VADDPS(x, a, a)
		load(2, x)
		VFNMADD231PS(w.constant("fiveHalves"), x, a)
		load(5, b)
		load(1, y)
		VADDPS(y, b, b)
		load(3, y)
		VFNMADD231PS(w.constant("fiveHalves"), y, b)
		return
	}
	near, odd := inputPair(pair)
	load(4, a)
	load(2, x)
	VFNMADD231PS(w.constant(near), x, a)
	load(3, x)
	load(1, y)
	VFNMADD231PS(w.constant(near), y, x)
	VMOVAPS(a, b)
	VFMADD231PS(w.constant(odd), x, a)
	VFNMADD231PS(w.constant(odd), x, b)
}

// inputPair names the constants of (x4 − near·x2) ± odd·(x3 − near·x1).
func inputPair(pair int) (near, odd string) {
	if pair == 1 {
		return "two", "root2by2"
	}
	return "half", "root2"
}

func inputSecond(w *winogradMaker, x []vec, store func(int, vec)) {
	a, b, c := w.temp(0), w.temp(1), w.temp(2)
	for pair := 1; pair <= 2; pair++ {
		near, odd := inputPair(pair)
		VMOVAPS(x[4], a)
		VFNMADD231PS(w.constant(near), x[2], a)
		VMOVAPS(x[3], b)
		VFNMADD231PS(w.constant(near), x[1], b)
		VMOVAPS(a, c)
		VFMADD231PS(w.constant(odd), b, c)
		store(2*pair-1, c)
		VFNMADD231PS(w.constant(odd), b, a)
		store(2*pair, a)
	}
	VADDPS(x[4], x[0], x[0])
	VFNMADD231PS(w.constant("fiveHalves"), x[2], x[0])
	store(0, x[0])
	VADDPS(x[5], x[1], x[1])
	VFNMADD231PS(w.constant("fiveHalves"), x[3], x[1])
	store(5, x[1])
}

func filterFirst(w *winogradMaker, pair int, a, b vec, load func(int, vec)) {
	x := w.temp(0)
	load(0, a)
	if pair == 0 {
		load(2, b)
		return
	}
	load(1, b)
	load(2, x)
	filterPair(w, pair, a, b, x)
}

// filterPair makes from x0, x1 in a, b and x2 in x the pair's two outputs in a, b. It destroys x.
func filterPair(w *winogradMaker, pair int, a, b, x vec) {
	if pair == 1 {
		VADDPS(a, a, a)
		VADDPS(x, a, a)
		w.v.zero(x)
		VFNMADD231PS(w.constant("third"), a, x)
		VMULPS(w.constant("root2by3"), b, b)
		VSUBPS(b, x, a)
		VADDPS(b, x, b)
		return
	}
	VMULPS(w.constant("sixth"), a, a)
	VFMADD231PS(w.constant("third"), x, a)
	VMULPS(w.constant("root2by6"), b, b)
	VMOVAPS(a, x)
	VADDPS(b, a, a)
	VSUBPS(b, x, b)
}

func filterSecond(w *winogradMaker, x []vec, store func(int, vec)) {
	a, b, c := w.temp(0), w.temp(1), w.temp(2)
	store(0, x[0])
	store(5, x[2])
	for pair := 1; pair <= 2; pair++ {
		VMOVAPS(x[0], a)
		VMOVAPS(x[1], b)
		VMOVAPS(x[2], c)
		filterPair(w, pair, a, b, c)
		store(2*pair-1, a)
		store(2*pair, b)
	}
}

func dyFirst(w *winogradMaker, pair int, a, b vec, load func(int, vec)) {
	x := w.temp(0)
	load(0, a)
	if pair == 0 {
		load(3, b)
		return
	}
	near, odd := dyPair(pair)
	load(2, x)
	VFMADD231PS(w.constant(near), x, a)
	load(1, b)
	load(3, x)
	VFMADD231PS(w.constant(near), x, b)
	VMOVAPS(b, x)
	VMOVAPS(a, b)
	VFMADD231PS(w.constant(odd), x, a)
	VFNMADD231PS(w.constant(odd), x, b)
}

// dyPair names the constants of (x0 + near·x2) ± odd·(x1 + near·x3).
func dyPair(pair int) (near, odd string) {
	if pair == 1 {
		return "half", "root2by2"
	}
	return "two", "root2"
}

func dySecond(w *winogradMaker, x []vec, store func(int, vec)) {
	a, b, c := w.temp(0), w.temp(1), w.temp(2)
	store(0, x[0])
	store(5, x[3])
	for pair := 1; pair <= 2; pair++ {
		near, odd := dyPair(pair)
		VMOVAPS(x[0], a)
		VFMADD231PS(w.constant(near), x[2], a)
		VMOVAPS(x[1], b)
		VFMADD231PS(w.constant(near), x[3], b)
		VMOVAPS(a, c)
		VFMADD231PS(w.constant(odd), b, c)
		store(2*pair-1, c)
		VFNMADD231PS(w.constant(odd), b, a)
		store(2*pair, a)
	}
}

func outputFirst(w *winogradMaker, pair int, a, b vec, load func(int, vec)) {
	x, y := w.temp(0), w.temp(1)
	load(1, x)
	load(2, a)
	load(3, y)
	load(4, b)
	if pair == 0 {
		VADDPS(a, x, x)
		VADDPS(b, y, y)
		VADDPS(y, x, a)
		VMULPS(w.constant("half"), x, b)
		VFMADD231PS(w.constant("two"), y, b)
		load(0, x)
		VADDPS(x, a, a)
		return
	}
	VSUBPS(a, x, x)
	VSUBPS(b, y, y)
	VMULPS(w.constant("root2by2"), x, a)
	VFMADD231PS(w.constant("root2"), y, a)
	load(5, b)
	VFMADD231PS(w.constant("root2by4"), x, b)
	VFMADD231PS(w.constant("root2times2"), y, b)
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
	VMULPS(w.constant("root2by2"), a, x[2])
	VFMADD231PS(w.constant("root2"), b, x[2])
	store(1, x[2])
	VMULPS(w.constant("half"), x[1], x[4])
	VFMADD231PS(w.constant("two"), x[3], x[4])
	store(2, x[4])
	VFMADD231PS(w.constant("root2by4"), a, x[5])
	VFMADD231PS(w.constant("root2times2"), b, x[5])
	store(3, x[5])
}

func dwFirst(w *winogradMaker, pair int, a, b vec, load func(int, vec)) {
	x, y := w.temp(0), w.temp(1)
	load(1, x)
	load(2, a)
	load(3, y)
	load(4, b)
	if pair == 0 {
		VADDPS(a, x, x)
		VADDPS(b, y, y)
		load(0, a)
		VFNMADD231PS(w.constant("twoThirds"), x, a)
		VFMADD231PS(w.constant("sixth"), y, a)
		VSUBPS(x, y, y)
		load(5, b)
		VFMADD231PS(w.constant("third"), y, b)
		return
	}
	VSUBPS(x, a, a)
	VSUBPS(b, y, y)
	VMULPS(w.constant("root2by3"), a, a)
	VFMADD231PS(w.constant("root2by6"), y, a)
}

func dwSecond(w *winogradMaker, x []vec, store func(int, vec)) {
	a, b := w.temp(0), w.temp(1)
	VSUBPS(x[1], x[2], a)
	VMULPS(w.constant("root2by3"), a, a)
	VSUBPS(x[4], x[3], b)
	VFMADD231PS(w.constant("root2by6"), b, a)
	store(1, a)
	VADDPS(x[2], x[1], x[1])
	VADDPS(x[4], x[3], x[3])
	VFNMADD231PS(w.constant("twoThirds"), x[1], x[0])
	VFMADD231PS(w.constant("sixth"), x[3], x[0])
	store(0, x[0])
	VSUBPS(x[1], x[3], x[3])
	VFMADD231PS(w.constant("third"), x[3], x[5])
	store(2, x[5])
}
