//go:build !purego

package kernel

import "unsafe"

type (
	asmTransform = func(c int, freq *float32, stride int, base *float32, window *tileWindow)
	asmOutput    = func(c int, freq *float32, stride int, base *float32, window *tileWindow, bias, floor *float32)
)

// outsideOf is the distance of beyond from x in floats. Both are whole floats in the heap, which Go
// does not move, so the assembly may reach the one from the other.
func outsideOf(x, beyond []float32) int {
	return (int(uintptr(unsafe.Pointer(at(beyond)))) - int(uintptr(unsafe.Pointer(at(x))))) / 4
}

// gathered is a transform from side×side pixels to frequencies.
func gathered(f asmTransform, side int) func(c int, freq []float32, stride int, x []float32, w *tileWindow) {
	return func(c int, freq []float32, stride int, x []float32, w *tileWindow) {
		_ = freq[(frequencies-1)*stride+c-1]
		if raceEnabled {
			for i := range frequencies {
				raceWrite(freq[i*stride:][:c])
			}
			w.race(c, side, x, raceRead)
		}
		f(c, at(freq), stride, at(x), w)
	}
}

func scattered(f asmTransform, side int) func(c int, freq []float32, stride int, y []float32, w *tileWindow) {
	return func(c int, freq []float32, stride int, y []float32, w *tileWindow) {
		_ = freq[(frequencies-1)*stride+c-1]
		if raceEnabled {
			w.race(c, side, y, raceWrite)
		}
		f(c, at(freq), stride, at(y), w)
	}
}

func finished(f asmOutput) func(c int, freq []float32, stride int, y []float32, w *tileWindow, bias, floor []float32) {
	return func(c int, freq []float32, stride int, y []float32, w *tileWindow, bias, floor []float32) {
		_, _, _ = freq[(frequencies-1)*stride+c-1], bias[c-1], floor[15]
		if raceEnabled {
			w.race(c, tileOut, y, raceWrite)
		}
		f(c, at(freq), stride, at(y), w, at(bias), at(floor))
	}
}

// race declares the pixels of the window that lie in x.
func (win *tileWindow) race(c, side int, x []float32, declare func([]float32)) {
	for _, row := range win.rows[:side] {
		for j := range side {
			if p := row + j*win.step; win.cols>>j&1 == 1 && p >= 0 && p+c <= len(x) {
				declare(x[p:][:c])
			}
		}
	}
}
