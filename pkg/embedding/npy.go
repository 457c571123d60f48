package embedding

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"supcon/pkg/fault"
)

// npyHeader is the length of magic, version, header length and header. The
// number of rows is known only at the end, so that the header gets a fixed room;
// 128 is what NumPy itself uses for two dimensions, and a multiple of 64 as the
// format asks.
const npyHeader = 128

// npy writes the array, and the rows' paths and labels beside it.
type npy struct {
	w              *writer
	array, sidecar *output
	lines          *json.Encoder // of the sidecar
	buf            []byte
}

// SidecarPath returns where the paths and labels of an .npy file lie.
func SidecarPath(path string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".jsonl"
}

func newNPY(w *writer) (encoder, error) {
	if strings.TrimSuffix(filepath.Base(w.path), filepath.Ext(w.path)) == "" {
		return nil, fault.Usage.Errorf("embedding: %q has no name before its extension", w.path)
	}
	sidecar, err := w.create(SidecarPath(w.path))
	if err != nil {
		return nil, err
	}
	array, err := w.create(w.path)
	if err != nil {
		return nil, err
	}
	e := &npy{w, array, sidecar, json.NewEncoder(sidecar), nil}
	e.lines.SetEscapeHTML(false)
	_, err = array.Write(make([]byte, npyHeader))
	return e, err
}

func (e *npy) row(path string, label int, vector []float32) error {
	e.buf = e.buf[:0]
	for _, v := range vector {
		e.buf = binary.LittleEndian.AppendUint32(e.buf, math.Float32bits(v))
	}
	if _, err := e.array.Write(e.buf); err != nil {
		return fmt.Errorf("embedding: %w", err)
	}
	line := struct {
		Path  string  `json:"path"`
		Label *string `json:"label"`
	}{Path: path}
	if name, ok := e.w.className(label); ok {
		line.Label = &name
	}
	if err := e.lines.Encode(line); err != nil {
		return fmt.Errorf("embedding: %w", err)
	}
	return nil
}

func (e *npy) end(rows int) error {
	header := fmt.Appendf(nil, "\x93NUMPY\x01\x00%s{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }",
		binary.LittleEndian.AppendUint16(nil, npyHeader-10), rows, e.w.dim)
	for len(header) < npyHeader-1 {
		header = append(header, ' ')
	}
	_, err := e.array.file.WriteAt(append(header, '\n'), 0)
	if err != nil {
		return fmt.Errorf("embedding: %w", err)
	}
	return nil
}
