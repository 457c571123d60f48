//go:build !purego

package kernel

import (
	"testing"
	"unsafe"
)

// The generator in _gen has these offsets as constants.
func TestPairBlockLayout(t *testing.T) {
	var b PairBlock
	for name, at := range map[string][2]uintptr{
		"X": {unsafe.Offsetof(b.X), 0}, "RowGroup": {unsafe.Offsetof(b.RowGroup), 24}, "ColGroup": {unsafe.Offsetof(b.ColGroup), 48},
		"Row0": {unsafe.Offsetof(b.Row0), 72}, "Row1": {unsafe.Offsetof(b.Row1), 96}, "Col0": {unsafe.Offsetof(b.Col0), 120},
		"Col1": {unsafe.Offsetof(b.Col1), 144}, "Rows": {unsafe.Offsetof(b.Rows), 168}, "Cols": {unsafe.Offsetof(b.Cols), 176},
		"Ld": {unsafe.Offsetof(b.Ld), 184}, "high": {unsafe.Offsetof(b.high), 192}, "low": {unsafe.Offsetof(b.low), 196},
	} {
		if at[0] != at[1] {
			t.Errorf("%s lies at %d, the assembly reads it at %d", name, at[0], at[1])
		}
	}
}
