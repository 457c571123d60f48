package dataset

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"pgregory.net/rapid"
)

// Reads and seeks through a window give what the file itself gives.
func TestWindowReadsAsTheFileDoes(t *testing.T) {
	content := make([]byte, 3*windowBytes+17)
	for i := range content {
		content[i] = byte(i * 7919 >> 8)
	}
	rapid.Check(t, func(t *rapid.T) {
		file := bytes.NewReader(content)
		w := newWindow(bytes.NewReader(content), int64(len(content)))
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			whence := rapid.SampledFrom([]int{io.SeekStart, io.SeekCurrent, io.SeekEnd}).Draw(t, "whence")
			by := int64(rapid.IntRange(-len(content), len(content)+9).Draw(t, "by"))
			want, wantErr := file.Seek(by, whence)
			got, err := w.Seek(by, whence)
			if (err == nil) != (wantErr == nil) || err == nil && got != want {
				t.Fatalf("seek by %d from %d: %d, %v; want %d, %v", by, whence, got, err, want, wantErr)
			}
			n := rapid.IntRange(1, 2*windowBytes).Draw(t, "bytes")
			a, b := make([]byte, n), make([]byte, n)
			have, wantErr := io.ReadFull(file, a)
			read, err := io.ReadFull(w, b)
			if read != have || !errors.Is(err, wantErr) || !bytes.Equal(a, b) {
				t.Fatalf("read %d bytes: %d, %v; want %d, %v", n, read, err, have, wantErr)
			}
		}
	})
}
