package dataset

import (
	"errors"
	"io"
)

// window reads a file through a buffer that seeking keeps, so that passing over
// small entries costs no system call.
type window struct {
	file   io.ReaderAt
	size   int64
	offset int64 // of the next byte to read
	start  int64 // of buffer in the file
	buffer []byte
}

const windowBytes = 32 << 10

func newWindow(file io.ReaderAt, size int64) *window {
	return &window{file: file, size: size, buffer: make([]byte, 0, windowBytes)}
}

// Read implements io.Reader.
func (w *window) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if w.offset < w.start || w.offset >= w.start+int64(len(w.buffer)) {
		n, err := w.file.ReadAt(w.buffer[:cap(w.buffer)], w.offset)
		w.start, w.buffer = w.offset, w.buffer[:n]
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, w.buffer[w.offset-w.start:])
	w.offset += int64(n)
	return n, nil
}

// Seek implements io.Seeker.
func (w *window) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += w.offset
	case io.SeekEnd:
		offset += w.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	w.offset = offset
	return offset, nil
}
