package dataset

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"supcon/pkg/fault"
)

// openManifest indexes a CSV file with a header that names the columns path and
// label, in any order and among any others. Relative paths are relative to the
// manifest's folder, which becomes the Root. With o.Unlabelled the label column
// is neither needed nor used, with o.Stray labels may be missing. The files
// themselves are opened when they are read.
func openManifest(name string, o Options) (*Set, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.Data.Errorf("dataset: open %s: %w", name, err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	m := &manifest{name: name, reader: csv.NewReader(skipMark(f)), set: &Set{Root: filepath.Dir(name)}, stray: o.Stray, labels: map[string]int{}, lines: map[string]int{}}
	m.reader.ReuseRecord = true
	if err := m.header(o.Unlabelled); err != nil {
		return nil, err
	}
	for {
		record, err := m.reader.Read()
		if errors.Is(err, io.EOF) {
			return m.finish()
		}
		if err != nil {
			return nil, fault.Data.Errorf("dataset: manifest %s: %w", name, err)
		}
		if err := m.row(record); err != nil {
			return nil, err
		}
	}
}

// skipMark passes over the byte order mark that spreadsheets write.
func skipMark(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if mark, _ := b.Peek(3); string(mark) == "\ufeff" {
		_, _ = b.Discard(3) // it has just been seen
	}
	return b
}

type manifest struct {
	name        string
	reader      *csv.Reader
	set         *Set
	path, label int            // columns; label is -1 without labels
	stray       bool           // labels may be missing
	labels      map[string]int // class name to its number, in order of appearance
	lines       map[string]int // path to the position of its item
}

func (m *manifest) header(unlabelled bool) error {
	record, err := m.reader.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return fault.Data.Errorf("dataset: manifest %s: %w", m.name, err)
	}
	column := func(want string) int {
		return slices.IndexFunc(record, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), want) })
	}
	m.path, m.label = column("path"), column("label")
	if unlabelled {
		m.label = -1
	}
	switch {
	case m.path < 0:
		return fault.Data.Errorf("dataset: manifest %s: the first line must name the columns, one of them path (and one label)", m.name)
	case m.label < 0 && !unlabelled && !m.stray:
		return fault.Data.Errorf("dataset: manifest %s has no column label; add one, or use --unlabelled", m.name)
	}
	return nil
}

// row takes one line into the set. A path that comes again must have the same
// label, and counts once.
func (m *manifest) row(record []string) error {
	line, _ := m.reader.FieldPos(0)
	file := record[m.path]
	if file == "" {
		return fault.Data.Errorf("dataset: manifest %s, line %d: the path is empty", m.name, line)
	}
	name := path.Clean(filepath.ToSlash(file))
	if !extensions[strings.ToLower(path.Ext(name))] {
		m.set.countOther(name)
		return nil
	}
	label, err := m.labelOf(record, line)
	if err != nil {
		return err
	}
	if before, again := m.lines[name]; again {
		if m.set.Items[before].Label != label {
			return fault.Data.Errorf("dataset: manifest %s, line %d: %q has another label further up", m.name, line, file)
		}
		return nil
	}
	name = strings.Clone(name) // lest the path keep the memory of its whole line
	m.lines[name] = len(m.set.Items)
	m.set.Items = append(m.set.Items, Item{name, label})
	return nil
}

// labelOf numbers the label of a line, -1 for none.
func (m *manifest) labelOf(record []string, line int) (int, error) {
	if m.label < 0 {
		return -1, nil
	}
	name := record[m.label]
	if name == "" {
		if m.stray {
			return -1, nil
		}
		return 0, fault.Data.Errorf("dataset: manifest %s, line %d: %q has no label", m.name, line, record[m.path])
	}
	label, known := m.labels[name]
	if !known {
		label = len(m.labels)
		m.labels[strings.Clone(name)] = label
	}
	return label, nil
}

// finish numbers the classes by name and sorts the items.
func (m *manifest) finish() (*Set, error) {
	s := m.set
	if len(s.Items) == 0 {
		return nil, fault.Data.Errorf("dataset: manifest %s names no images", m.name)
	}
	number := make([]int, len(m.labels))
	s.Classes = sortedKeys(m.labels)
	for i, name := range s.Classes {
		number[m.labels[name]] = i
	}
	for i := range s.Items {
		if s.Items[i].Label >= 0 {
			s.Items[i].Label = number[s.Items[i].Label]
		}
	}
	s.sort()
	s.noteSingles()
	if _, err := os.Stat(s.file(0)); err != nil {
		return nil, fault.Data.Errorf("dataset: manifest %s: %w; paths are relative to the manifest's folder", m.name, err)
	}
	return s, nil
}
