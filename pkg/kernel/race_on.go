//go:build race

package kernel

import (
	"runtime"
	"unsafe"
)

// raceEnabled says that accesses made in assembly are declared to the race detector, which cannot
// see them by itself.
const raceEnabled = true

func raceRead(x []float32)  { raceRange(x, runtime.RaceReadRange) }
func raceWrite(x []float32) { raceRange(x, runtime.RaceWriteRange) }

func raceRange(x []float32, declare func(unsafe.Pointer, int)) {
	if len(x) > 0 {
		declare(unsafe.Pointer(unsafe.SliceData(x)), 4*len(x))
	}
}
