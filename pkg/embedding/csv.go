package embedding

import (
	"fmt"
	"strconv"
	"strings"
)

type csv struct {
	w   *writer
	out *output
	buf []byte
}

func newCSV(w *writer) (encoder, error) {
	out, err := w.create(w.path)
	if err != nil {
		return nil, err
	}
	e := &csv{w, out, nil}
	e.buf = append(e.buf, "path,label"...)
	for i := range w.dim {
		e.buf = strconv.AppendInt(append(e.buf, ",v"...), int64(i), 10)
	}
	return e, e.flush()
}

func (e *csv) row(path string, label int, vector []float32) error {
	name, _ := e.w.className(label)
	e.buf = appendField(e.buf, path)
	e.buf = appendField(append(e.buf, ','), name)
	for _, v := range vector {
		e.buf = strconv.AppendFloat(append(e.buf, ','), float64(v), 'g', -1, 32)
	}
	return e.flush()
}

func (e *csv) end(int) error { return nil }

// flush writes the line in buf.
func (e *csv) flush() error {
	e.buf = append(e.buf, '\n')
	_, err := e.out.Write(e.buf)
	e.buf = e.buf[:0]
	if err != nil {
		return fmt.Errorf("embedding: %w", err)
	}
	return nil
}

// appendField quotes a field as RFC 4180 asks. encoding/csv would need a string
// for every number.
func appendField(buf []byte, field string) []byte {
	if !strings.ContainsAny(field, ",\"\r\n") && !strings.HasPrefix(field, " ") {
		return append(buf, field...)
	}
	buf = append(buf, '"')
	for {
		before, after, found := strings.Cut(field, `"`)
		buf = append(buf, before...)
		if !found {
			return append(buf, '"')
		}
		buf = append(buf, `""`...)
		field = after
	}
}
