package dataset

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"supcon/pkg/fault"
)

// openArchive indexes a tar file once and reads images at their offsets from
// then on, so that shuffling and resuming are exact. Labels come from
// WebDataset's companions, key.cls (a label as text) or key.json (its "label" or
// "cls"), where key is an image's name up to the first dot; without any, from
// the first folder of the names, as in an image folder.
func openArchive(name string, o Options) (*Set, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.Data.Errorf("dataset: open %s: %w", name, err)
	}
	a := &archive{name: name, file: f, spans: map[string]span{}, labels: map[string]string{}, set: &Set{Root: name}}
	err = a.index()
	var s *Set
	if err == nil {
		s, err = a.finish(o)
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return s, nil
}

// archive is an open tar file with an index of its images.
type archive struct {
	name   string
	file   *os.File
	window *window           // for the indexing
	spans  map[string]span   // of each image
	labels map[string]string // by key, from companions
	set    *Set
}

// span is where an entry's bytes lie.
type span struct{ offset, size int64 }

// companionBytes bounds a label file; a longer one is none.
const companionBytes = 1 << 20

func (a *archive) index() error {
	var head [6]byte
	n, _ := a.file.ReadAt(head[:], 0) // a shorter file is no archive either way
	for magic, program := range map[string]string{"\x1f\x8b": "gunzip", "BZh": "bunzip2", "\xfd7zXZ": "unxz", "\x28\xb5\x2f\xfd": "unzstd"} {
		if strings.HasPrefix(string(head[:n]), magic) {
			return fault.Data.Errorf("dataset: %s is compressed, so its images cannot be read in any order; unpack it with %s first", a.name, program)
		}
	}
	info, err := a.file.Stat()
	if err != nil {
		return fault.Data.Errorf("dataset: open %s: %w", a.name, err)
	}
	a.window = newWindow(a.file, info.Size())
	for reader := tar.NewReader(a.window); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && header.Typeflag == tar.TypeReg && !hidden(path.Clean(header.Name)) {
			err = a.entry(header, reader)
		}
		if err != nil {
			return fault.Data.Errorf("dataset: archive %s is damaged or truncated: %w", a.name, err)
		}
	}
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") || strings.Contains(name, "/.") }

// entry takes a file of the archive into the index. The tar reader does not read
// ahead, so the window's position is where the entry's bytes begin.
func (a *archive) entry(header *tar.Header, content io.Reader) error {
	name := path.Clean(header.Name)
	switch ext := strings.ToLower(path.Ext(name)); {
	case extensions[ext]:
		a.spans[name] = span{a.window.offset, header.Size}
	case ext == ".cls", ext == ".json":
		if header.Size > companionBytes {
			return nil
		}
		text, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		label := strings.TrimSpace(string(text))
		if ext == ".json" {
			label = jsonLabel(text)
		}
		if label != "" {
			a.labels[key(name)] = label
		}
	default:
		a.set.countOther(name)
	}
	return nil
}

// key is WebDataset's: the name up to the first dot after the last slash.
func key(name string) string {
	folder, base := path.Split(name)
	base, _, _ = strings.Cut(base, ".")
	return folder + base
}

// jsonLabel is the label in a JSON object, a string or a number; "" for none.
func jsonLabel(text []byte) string {
	var object map[string]any
	if json.Unmarshal(text, &object) != nil {
		return ""
	}
	for _, field := range []string{"label", "cls"} {
		switch value := object[field].(type) {
		case string:
			return value
		case float64:
			return fmt.Sprint(value)
		}
	}
	return ""
}

// finish turns the index into a set.
func (a *archive) finish(o Options) (*Set, error) {
	s := a.set
	s.source = a
	number := map[string]int{}
	outside := 0
	for _, name := range sortedKeys(a.spans) {
		class := a.class(name)
		switch {
		case o.Unlabelled || class == "" && o.Stray:
			s.Items = append(s.Items, Item{Path: name, Label: -1})
		case class == "":
			outside++
		default:
			number[class] = 0
			s.Items = append(s.Items, Item{Path: name})
		}
	}
	switch {
	case len(a.spans) == 0:
		return nil, fault.Data.Errorf("dataset: archive %s holds no images", a.name)
	case len(s.Items) == 0:
		return nil, fault.Data.Errorf("dataset: archive %s holds %s but no labels: neither key.cls or key.json files nor class folders; use --unlabelled", a.name, count(outside, "image"))
	case outside > 0:
		s.Notes = append(s.Notes, fmt.Sprintf("%s in %s have no label and are left out", count(outside, "image"), a.name))
	}
	s.Classes = sortedKeys(number)
	for i, class := range s.Classes {
		number[class] = i
	}
	for i := range s.Items {
		if item := &s.Items[i]; item.Label >= 0 {
			item.Label = number[a.class(item.Path)]
		}
	}
	s.noteSingles()
	return s, nil
}

// class names the class of an image, "" for none.
func (a *archive) class(name string) string {
	if len(a.labels) > 0 {
		return a.labels[key(name)]
	}
	folder, _, below := strings.Cut(name, "/")
	if !below {
		return ""
	}
	return folder
}

// read implements source.
func (a *archive) read(name string) ([]byte, error) {
	where := a.spans[name]
	if where.size > maxFileBytes {
		return nil, fault.Data.Errorf("dataset: read: %s in %s has %d bytes, more than the %d an image may have", name, a.name, where.size, maxFileBytes)
	}
	data := make([]byte, where.size)
	if _, err := a.file.ReadAt(data, where.offset); err != nil {
		return nil, fault.Data.Errorf("dataset: read: %s in %s: %w", name, a.name, err)
	}
	return data, nil
}
