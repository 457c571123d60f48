//go:build !purego

package kernel

import "unsafe"

type (
	asmGather    = func(c int, dst *float32, stride int, src *float32, pixels *int)
	asmScatter   = func(c int, dst *float32, pixels *int, src *float32, stride int, bias, floor *float32)
	asmScatterDw = func(c int, dst *float32, pixels *int, src *float32, stride int)
)

// outsideOf is the distance of beyond from x in floats. Both are whole floats in the heap, which Go
// does not move, so the assembly may reach the one from the other.
func outsideOf(x, beyond []float32) int {
	return (int(uintptr(unsafe.Pointer(at(beyond)))) - int(uintptr(unsafe.Pointer(at(x))))) / 4
}

func gathered(f asmGather, pixelCount, frequencies int) func(c int, dst []float32, stride int, src []float32, pixels []int) {
	return func(c int, dst []float32, stride int, src []float32, pixels []int) {
		_, _ = pixels[pixelCount-1], dst[(frequencies-1)*stride+c-1]
		if raceEnabled {
			for i := range frequencies {
				raceWrite(dst[i*stride:][:c])
			}
			raceReadPixels(c, src, pixels[:pixelCount])
		}
		f(c, at(dst), stride, at(src), unsafe.SliceData(pixels))
	}
}

// raceReadPixels declares those pixels that lie in src.
func raceReadPixels(c int, src []float32, pixels []int) {
	for _, p := range pixels {
		if p >= 0 && p+c <= len(src) {
			raceRead(src[p:][:c])
		}
	}
}

func scattered(f asmScatter) func(c int, dst []float32, pixels []int, src []float32, stride int, bias, floor []float32) {
	return func(c int, dst []float32, pixels []int, src []float32, stride int, bias, floor []float32) {
		_, _, _, _ = pixels[15], src[35*stride+c-1], bias[c-1], floor[15]
		raceWritePixels(c, dst, pixels[:16])
		f(c, at(dst), unsafe.SliceData(pixels), at(src), stride, at(bias), at(floor))
	}
}

func scatteredDw(f asmScatterDw) func(c int, dst []float32, pixels []int, src []float32, stride int) {
	return func(c int, dst []float32, pixels []int, src []float32, stride int) {
		_, _ = pixels[8], src[35*stride+c-1]
		raceWritePixels(c, dst, pixels[:9])
		f(c, at(dst), unsafe.SliceData(pixels), at(src), stride)
	}
}

// raceWritePixels declares those pixels that lie in dst.
func raceWritePixels(c int, dst []float32, pixels []int) {
	if !raceEnabled {
		return
	}
	for _, p := range pixels {
		if p >= 0 && p+c <= len(dst) {
			raceWrite(dst[p:][:c])
		}
	}
}
