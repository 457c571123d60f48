package embedding

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"supcon/pkg/fault"
	"supcon/pkg/internal/atomicfile"
)

// Writer streams vectors to a file in constant memory. It must end in Close,
// which makes the file appear, or Abort, which leaves nothing; Abort after Close
// does nothing, so that it can be deferred.
type Writer interface {
	Sink
	Close() error
	Abort()
}

// encoder is one format: what to write for a row, and at the end.
type encoder interface {
	row(path string, label int, vector []float32) error
	end(rows int) error
}

// format makes the encoder of its kind and opens its files.
type format struct {
	extension string
	open      func(w *writer) (encoder, error)
}

var formats = []format{
	{".npy", newNPY},
	{".csv", newCSV},
}

// Extensions lists the known file name extensions.
func Extensions() []string {
	var list []string
	for _, f := range formats {
		list = append(list, f.extension)
	}
	return list
}

// Create starts a file of the format that path's extension names, for vectors of
// dim values and labels that are positions in classes. An extension that is not
// known is a fault.Usage.
func Create(path string, dim int, classes []string) (Writer, error) {
	extension := strings.ToLower(filepath.Ext(path))
	i := slices.IndexFunc(formats, func(f format) bool { return f.extension == extension })
	if i < 0 {
		return nil, fault.Usage.Errorf("embedding: the extension of %q names no format: use one of %s", path, strings.Join(Extensions(), ", "))
	}
	if dim < 1 {
		return nil, fmt.Errorf("embedding: vectors of %d values", dim)
	}
	w := &writer{path: path, dim: dim, classes: classes}
	encoder, err := formats[i].open(w)
	if err != nil {
		w.Abort()
		return nil, err
	}
	w.encoder = encoder
	return w, nil
}

// writer counts and checks rows and owns the files of an encoder.
type writer struct {
	path    string
	dim     int
	classes []string
	rows    int
	encoder encoder
	files   []*output // in the order in which they are committed
	err     error     // the first failure: the rows after it are lost, so no file may appear
}

// output is one buffered file.
type output struct {
	*bufio.Writer
	file *atomicfile.File
}

// create opens one more file of the writer.
func (w *writer) create(path string) (*output, error) {
	file, err := atomicfile.Create(path)
	if err != nil {
		return nil, fmt.Errorf("embedding: %w", err)
	}
	o := &output{bufio.NewWriterSize(file, 1<<18), file}
	w.files = append(w.files, o)
	return o, nil
}

func (w *writer) Append(path string, label int, vector []float32) error {
	if w.err != nil {
		return w.err
	}
	w.err = checkRow(w.dim, w.classes, path, label, vector)
	if w.err == nil {
		w.err = w.encoder.row(path, label, vector)
	}
	if w.err == nil {
		w.rows++
	}
	return w.err
}

// Close commits the files; the one that bears the path given to Create is last.
func (w *writer) Close() error {
	defer w.Abort()
	if w.err != nil {
		return w.err
	}
	w.err = errors.New("embedding: the writer is closed")
	for _, o := range w.files {
		if err := o.Flush(); err != nil {
			return fmt.Errorf("embedding: %w", err)
		}
	}
	if err := w.encoder.end(w.rows); err != nil {
		return err
	}
	for i, o := range w.files {
		if err := o.file.Commit(); err != nil {
			for _, committed := range w.files[:i] {
				_ = os.Remove(committed.file.Path()) // half of a pair is worth nothing
			}
			return fmt.Errorf("embedding: %w", err)
		}
	}
	return nil
}

func (w *writer) Abort() {
	for _, o := range w.files {
		o.file.Abort()
	}
	if w.err == nil {
		w.err = errors.New("embedding: the writer is closed")
	}
}

// className returns the name of a label, and whether there is one.
func (w *writer) className(label int) (string, bool) {
	if label == Unlabelled {
		return "", false
	}
	return w.classes[label], true
}
