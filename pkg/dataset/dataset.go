// Package dataset is where images come from: a folder of class folders, any
// tree of images, a manifest or an archive becomes a sorted list of items whose
// bytes can be read and decoded to upright, opaque pixels.
package dataset

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"supcon/pkg/fault"
)

// Item is one image of a set.
type Item struct {
	// Path is slash-separated and relative to the set's Root.
	Path string
	// Label indexes the set's Classes; -1 without labels.
	Label int
}

// Set is an indexed collection of images, sorted by path. It is read-only once
// opened (MatchClasses apart) and safe for concurrent reading.
type Set struct {
	Root    string
	Classes []string
	Items   []Item
	// NotImages counts the files that were passed over because they are no
	// images; NotImageExamples names the first few.
	NotImages        int
	NotImageExamples []string
	// Notes are sentences about the set that its user should see once.
	Notes []string
	// MaxPixels is the size above which Decode refuses an item; 0 is the
	// package's MaxPixels.
	MaxPixels int

	source source
	stamps []stamp // of what the index was made from; none where it cannot be told
}

// source reads the bytes of items that are not files below Root.
type source interface {
	read(path string) ([]byte, error)
}

// maxFileBytes bounds what one image may occupy in memory before decoding.
const maxFileBytes = 256 << 20

// Len is the number of images.
func (s *Set) Len() int { return len(s.Items) }

// Labelled reports whether the items carry classes.
func (s *Set) Labelled() bool { return len(s.Classes) > 0 }

// ClassCounts returns the number of images of each class.
func (s *Set) ClassCounts() []int {
	counts := make([]int, len(s.Classes))
	for _, item := range s.Items {
		if item.Label >= 0 {
			counts[item.Label]++
		}
	}
	return counts
}

// Read returns the encoded bytes of item i.
func (s *Set) Read(i int) ([]byte, error) {
	if s.source != nil {
		return s.source.read(s.Items[i].Path)
	}
	data, err := readFile(s.file(i))
	if err != nil {
		return nil, fault.Data.Errorf("dataset: read: %w", err)
	}
	return data, nil
}

// file is where item i lies; a manifest may have absolute paths.
func (s *Set) file(i int) string {
	name := filepath.FromSlash(s.Items[i].Path)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.Root, name)
}

// stamp notes that the index was made from a folder or a file.
func (s *Set) stamp(name string, info fs.FileInfo) {
	if full, err := filepath.Abs(name); err == nil {
		s.stamps = append(s.stamps, stampOf(full, info))
	}
}

// sort brings the items into the order of their paths.
func (s *Set) sort() {
	slices.SortFunc(s.Items, func(a, b Item) int { return strings.Compare(a.Path, b.Path) })
}

// countOther counts a file that is no image and keeps the first names.
func (s *Set) countOther(path string) {
	s.NotImages++
	if len(s.NotImageExamples) < examplesKept {
		s.NotImageExamples = append(s.NotImageExamples, path)
	}
}

// sortedKeys lists the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// readFile is os.ReadFile for regular files of bearable size: a pipe or a
// device that took the place of an image must not hang or flood the process.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	if info.Size() > maxFileBytes {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d an image may have", name, info.Size(), maxFileBytes)
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// Select returns the set of the items at the given positions, in that order.
func (s *Set) Select(indices []int) *Set {
	chosen := &Set{Root: s.Root, Classes: s.Classes, Items: make([]Item, len(indices)), MaxPixels: s.MaxPixels, source: s.source}
	for i, index := range indices {
		chosen.Items[i] = s.Items[index]
	}
	return chosen
}

// Sample returns the set of at most n items, evenly spaced.
func (s *Set) Sample(n int) *Set {
	n = min(n, s.Len())
	indices := make([]int, n)
	for k := range indices {
		indices[k] = evenly(k, n, s.Len())
	}
	return s.Select(indices)
}

// evenly is the place of item k of n that are spread over length places.
func evenly(k, n, length int) int { return int(int64(k) * int64(length) / int64(n)) }

// MatchClasses relabels s so that its labels index the given class list, by
// name and never by position. A class of s that the list does not have is a
// data error and leaves s as it was.
func (s *Set) MatchClasses(classes []string) error {
	if !s.Labelled() {
		return fault.Data.Errorf("dataset: %s has no classes to match with the trained ones; give images in one folder per class, or a manifest or an archive with labels", s.Root)
	}
	position := make(map[string]int, len(classes))
	for i, name := range classes {
		position[name] = i
	}
	counts := s.ClassCounts()
	translated := make([]int, len(s.Classes))
	for i, name := range s.Classes {
		label, known := position[name]
		if !known && counts[i] > 0 {
			return fault.Data.Errorf("dataset: class %q of %s is unknown to training, which had %s; rename or remove its folder", name, s.Root, listSome(classes))
		}
		translated[i] = label
	}
	for i := range s.Items {
		if s.Items[i].Label >= 0 {
			s.Items[i].Label = translated[s.Items[i].Label]
		}
	}
	s.Classes = append([]string(nil), classes...)
	return nil
}
