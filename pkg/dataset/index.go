package dataset

import (
	"cmp"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"supcon/pkg/internal/atomicfile"
)

// indexCache keeps the indexes of large sets between runs, in the user's cache
// folder: listing a million files on a slow disk, or walking through an archive
// of them, is done once. An index counts only while every folder and file that it
// was made from has the size and the time of change that it had then. Keeping one
// is a convenience, so what fails here is passed over.
type indexCache struct {
	folder string // "" keeps none
	least  int    // images from which on a set is worth keeping
}

const (
	indexVersion = 1
	// keptFrom images take a good part of a second to index on a fast disk.
	keptFrom = 50_000
	// keptIndexes bounds the folder; the least recently written go first.
	keptIndexes = 32
	// settled is how old a change must be to be told from a later one by its
	// time, which file systems may store in steps of seconds.
	settled = 2 * time.Second
)

// userCache is the cache of Open.
func userCache() indexCache {
	folder, err := os.UserCacheDir()
	if err != nil {
		return indexCache{}
	}
	return indexCache{filepath.Join(folder, "supcon", "index"), keptFrom}
}

// stamp is what an index depends on: a folder, or a file it was read from.
type stamp struct {
	Path     string
	Size     int64
	Modified int64 // nanoseconds since 1970
}

func stampOf(path string, info os.FileInfo) stamp {
	s := stamp{Path: path, Modified: info.ModTime().UnixNano()}
	if !info.IsDir() {
		s.Size = info.Size()
	}
	return s
}

// storedIndex is a Set in the cache, with what it was made from.
type storedIndex struct {
	Version       int
	Stamps        []stamp
	Paths         []string
	Labels        []int32
	Offsets       []int64 // of the images of an archive; none otherwise
	Sizes         []int64
	Folder        string // Root
	Classes       []string
	NotImages     int
	NotImageNames []string
	Notes         []string
}

// file is where the index of a source under some options is kept.
func (c indexCache) file(root string, o Options) (string, bool) {
	full, err := filepath.Abs(root)
	if c.folder == "" || err != nil {
		return "", false
	}
	// Notes name the root as it was given, so that belongs to the key.
	key := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%v", full, root, o))
	return filepath.Join(c.folder, hex.EncodeToString(key[:])), true
}

// load returns the kept set of a source, nil where there is none that still holds.
func (c indexCache) load(root string, o Options) *Set {
	name, ok := c.file(root, o)
	if !ok {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // nothing was written
	var stored storedIndex
	if gob.NewDecoder(f).Decode(&stored) != nil || stored.Version != indexVersion || !stored.holds() {
		return nil
	}
	return stored.set(root)
}

// holds reports whether nothing has changed that the index was made from.
func (x *storedIndex) holds() bool {
	archived := len(x.Offsets) > 0
	if len(x.Labels) != len(x.Paths) || archived && (len(x.Offsets) != len(x.Paths) || len(x.Sizes) != len(x.Paths)) {
		return false
	}
	for _, s := range x.Stamps {
		if info, err := os.Stat(s.Path); err != nil || stampOf(s.Path, info) != s {
			return false
		}
	}
	return !slices.ContainsFunc(x.Labels, func(label int32) bool { return int(label) >= len(x.Classes) })
}

// set turns the index back; nil where the archive cannot be opened.
func (x *storedIndex) set(root string) *Set {
	s := &Set{
		Root: x.Folder, Classes: x.Classes, NotImages: x.NotImages, NotImageExamples: x.NotImageNames, Notes: x.Notes,
		Items: make([]Item, len(x.Paths)),
	}
	for i, path := range x.Paths {
		s.Items[i] = Item{path, int(x.Labels[i])}
	}
	if len(x.Offsets) == 0 {
		return s
	}
	file, err := os.Open(root)
	if err != nil {
		return nil
	}
	a := &archive{name: root, file: file, spans: make(map[string]span, len(x.Paths)), set: s}
	for i, path := range x.Paths {
		a.spans[path] = span{x.Offsets[i], x.Sizes[i]}
	}
	s.source = a
	return s
}

// store keeps a set that was indexed from began on, if it is large and all it was
// made from had been as it is for a while.
func (c indexCache) store(root string, o Options, s *Set, began time.Time) {
	name, ok := c.file(root, o)
	if !ok || len(s.Items) < c.least || len(s.stamps) == 0 {
		return
	}
	x := &storedIndex{
		Version: indexVersion, Stamps: s.stamps, Paths: make([]string, len(s.Items)), Labels: make([]int32, len(s.Items)),
		Folder: s.Root, Classes: s.Classes, NotImages: s.NotImages, NotImageNames: s.NotImageExamples, Notes: s.Notes,
	}
	for _, stamp := range x.Stamps {
		if stamp.Modified > began.Add(-settled).UnixNano() {
			return
		}
	}
	a, archived := s.source.(*archive)
	for i, item := range s.Items {
		x.Paths[i], x.Labels[i] = item.Path, int32(item.Label)
		if archived {
			where := a.spans[item.Path]
			x.Offsets, x.Sizes = append(x.Offsets, where.offset), append(x.Sizes, where.size)
		}
	}
	if os.MkdirAll(c.folder, 0o700) != nil {
		return
	}
	_ = atomicfile.WriteFile(name, func(w io.Writer) error { return gob.NewEncoder(w).Encode(x) }) // see indexCache
	c.prune()
}

// prune removes the indexes written longest ago.
func (c indexCache) prune() {
	entries, err := os.ReadDir(c.folder)
	if err != nil || len(entries) <= keptIndexes {
		return
	}
	age := func(e os.DirEntry) int64 {
		info, err := e.Info()
		if err != nil {
			return 0
		}
		return info.ModTime().UnixNano()
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return cmp.Compare(age(a), age(b)) })
	for _, e := range entries[:len(entries)-keptIndexes] {
		_ = os.Remove(filepath.Join(c.folder, e.Name())) // see indexCache
	}
}
