//go:build !purego

package kernel

import (
	"testing"
	"unsafe"
)

// The generator in _gen has these offsets as constants.
func TestTileLayout(t *testing.T) {
	var (
		s tile
		w tileWindow
	)
	for name, at := range map[string][2]uintptr{
		"a": {unsafe.Offsetof(s.a), 0}, "b": {unsafe.Offsetof(s.b), 24}, "c": {unsafe.Offsetof(s.c), 48},
		"bias": {unsafe.Offsetof(s.bias), 72}, "residual": {unsafe.Offsetof(s.residual), 96}, "off": {unsafe.Offsetof(s.off), 120},
		"lda": {unsafe.Offsetof(s.lda), 144}, "ldb": {unsafe.Offsetof(s.ldb), 152}, "ldc": {unsafe.Offsetof(s.ldc), 160},
		"run": {unsafe.Offsetof(s.run), 168}, "window rows": {unsafe.Offsetof(w.rows), 0}, "window step": {unsafe.Offsetof(w.step), 48}, "window cols": {unsafe.Offsetof(w.cols), 56}, "window down": {unsafe.Offsetof(w.down), 64},
		"cols": {unsafe.Offsetof(s.cols), 184}, "flags": {unsafe.Offsetof(s.flags), 192}, "ahead": {unsafe.Offsetof(s.ahead), 200}, "more": {unsafe.Offsetof(s.more), 208},
	} {
		if at[0] != at[1] {
			t.Errorf("%s lies at %d, the assembly reads it at %d", name, at[0], at[1])
		}
	}
}
