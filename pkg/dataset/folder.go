package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"supcon/pkg/fault"
)

// Options of Open.
type Options struct {
	// Unlabelled takes every image of the tree and no folder name as a class.
	Unlabelled bool
	// Stray takes images that lie in no class folder too, with the label -1.
	Stray bool
}

// extensions are those of the formats Decode reads.
var extensions = map[string]bool{
	".jpg": true, ".jpeg": true, ".jpe": true, ".jfif": true, ".png": true, ".gif": true,
	".bmp": true, ".tif": true, ".tiff": true, ".webp": true,
}

const (
	examplesKept = 5
	// maxDepth ends the walk of a tree no person has made.
	maxDepth = 64
)

// Open indexes an image folder, class/…/image.jpg: the class of an image is the
// first folder below the root, at whatever depth the image lies. Symbolic links
// are followed and a loop ends, hidden files are skipped, files that are no
// images are counted. With o.Unlabelled any tree will do and labels are -1.
// A file is taken by its extension: a CSV manifest (path,label) or a tar archive.
// The index of a large set is kept in the user's cache folder. A missing,
// unreadable or empty folder is a data error that says what to do.
func Open(root string, o Options) (*Set, error) { return userCache().open(root, o) }

func (c indexCache) open(root string, o Options) (*Set, error) {
	if s := c.load(root, o); s != nil {
		return s, nil
	}
	began := time.Now()
	s, err := index(root, o)
	if err == nil {
		c.store(root, o, s, began)
	}
	return s, err
}

// index is Open without the cache.
func index(root string, o Options) (*Set, error) {
	info, err := os.Stat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.Data.Errorf("dataset: there is no folder %s; check the path given as data", root)
	case err != nil:
		return nil, fault.Data.Errorf("dataset: open %s: %w", root, err)
	case !info.IsDir():
		return openFile(root, info, o)
	}
	w := &walker{set: &Set{Root: root}, labelled: !o.Unlabelled, stray: o.Stray}
	if err := w.walk(root, "", []fs.FileInfo{info}); err != nil {
		return nil, err
	}
	return w.finish()
}

// openFile opens what is no folder.
func openFile(name string, info fs.FileInfo, o Options) (*Set, error) {
	lower := strings.ToLower(filepath.Base(name))
	open := openArchive
	switch {
	case strings.HasSuffix(lower, ".csv"):
		open = openManifest
	case strings.HasSuffix(lower, ".tar"), strings.Contains(lower, ".tar."), strings.HasSuffix(lower, ".tgz"):
	default:
		return nil, notASource(name)
	}
	s, err := open(name, o)
	if err != nil {
		return nil, err
	}
	s.stamp(name, info)
	return s, nil
}

func notASource(name string) error {
	return fault.Data.Errorf("dataset: %s is a file; give a folder of images, a CSV manifest or a tar archive", name)
}

// walker gathers the images of a tree.
type walker struct {
	set      *Set
	labelled bool
	stray    bool
	classes  []string
	// rootImages counts images that lie in the root itself, outside any class.
	rootImages int
	// linked are the directories entered through a symbolic link in the current
	// class: each is entered so once, lest links between folders multiply.
	linked []fs.FileInfo
	// links says that there are symbolic links: what they lead to may change
	// without a trace here.
	links bool
}

// walk visits the directory dir, called rel below the root; ancestors are the
// directories on the way to it, itself included.
func (w *walker) walk(dir, rel string, ancestors []fs.FileInfo) error {
	w.set.stamp(dir, ancestors[len(ancestors)-1])
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fault.Data.Errorf("dataset: list %s: %w", dir, err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") {
			continue
		}
		full := filepath.Join(dir, name)
		isDir, regular := entry.IsDir(), entry.Type().IsRegular()
		link := entry.Type()&fs.ModeSymlink != 0
		if link {
			w.links = true
			info, err := os.Stat(full)
			isDir = err == nil && info.IsDir()
			regular = err != nil || info.Mode().IsRegular() // a dangling link is named when it is read
		}
		switch {
		case isDir:
			err = w.enter(full, path.Join(rel, name), link, ancestors)
		default:
			w.file(full, path.Join(rel, name), regular)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// enter walks a subdirectory unless it closes a loop.
func (w *walker) enter(dir, rel string, link bool, ancestors []fs.FileInfo) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fault.Data.Errorf("dataset: open %s: %w", dir, err)
	}
	same := func(other fs.FileInfo) bool { return os.SameFile(info, other) }
	top := len(ancestors) == 1
	if top {
		w.linked = w.linked[:0]
	}
	if slices.ContainsFunc(ancestors, same) || len(ancestors) > maxDepth {
		return nil
	}
	if link {
		if slices.ContainsFunc(w.linked, same) {
			return nil
		}
		w.linked = append(w.linked, info)
	}
	before := len(w.set.Items)
	if top && w.labelled {
		w.classes = append(w.classes, rel)
	}
	if err := w.walk(dir, rel, append(ancestors[:len(ancestors):len(ancestors)], info)); err != nil {
		return err
	}
	if top && w.labelled && len(w.set.Items) == before {
		w.classes = w.classes[:len(w.classes)-1]
		w.set.Notes = append(w.set.Notes, fmt.Sprintf("folder %q holds no images and is no class", rel))
	}
	return nil
}

// file takes an image into the set, or counts what is none.
func (w *walker) file(full, rel string, regular bool) {
	if !regular || !w.looksLikeImage(full) {
		w.set.countOther(rel)
		return
	}
	label := -1
	if w.labelled {
		label = len(w.classes) - 1
		if inRoot := !strings.Contains(rel, "/"); inRoot && !w.stray {
			w.rootImages++
			return
		} else if inRoot {
			label = -1
		}
	}
	w.set.Items = append(w.set.Items, Item{Path: rel, Label: label})
}

// finish sorts the set, notes what is odd about it, and refuses an empty one.
func (w *walker) finish() (*Set, error) {
	s := w.set
	s.Classes = w.classes
	if w.links {
		s.stamps = nil
	}
	if len(s.Items) == 0 {
		return nil, w.emptyError()
	}
	if w.rootImages > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%s in %s lie outside any class folder and are left out", count(w.rootImages, "image"), s.Root))
	}
	if len(s.Classes) > 0 && !slices.ContainsFunc(s.Classes, func(name string) bool { return !partNames[strings.ToLower(name)] }) {
		s.Notes = append(s.Notes, fmt.Sprintf("the classes are called %s, like the parts of a data set; if they are, give one of them, such as %s", listSome(s.Classes), filepath.Join(s.Root, s.Classes[0])))
	}
	s.sort()
	s.noteSingles()
	return s, nil
}

// partNames are folders that hold a data set's parts rather than a class.
var partNames = map[string]bool{"train": true, "training": true, "test": true, "testing": true, "val": true, "valid": true, "validation": true}

// noteSingles notes the classes with one image, which stay: under a supervised
// loss the other view of that image is its positive.
func (s *Set) noteSingles() {
	for label, n := range s.ClassCounts() {
		if n == 1 {
			s.Notes = append(s.Notes, fmt.Sprintf("class %q has a single image; it is kept, with its own views as positives", s.Classes[label]))
		}
	}
}

func (w *walker) emptyError() error {
	root := w.set.Root
	switch {
	case w.rootImages > 0:
		return fault.Data.Errorf("dataset: %s holds %s but no class folders; put each class in a folder of its own, or use --unlabelled", root, count(w.rootImages, "image"))
	case w.set.NotImages > 0:
		return fault.Data.Errorf("dataset: %s holds no images, only %s such as %s; supported are JPEG, PNG, GIF, BMP, TIFF and WebP", root, count(w.set.NotImages, "other file"), listSome(w.set.NotImageExamples))
	}
	return fault.Data.Errorf("dataset: %s holds no images; put one folder of images per class in it", root)
}

// looksLikeImage goes by the extension, and by the first bytes of a file that
// has none: indexing must not open a million files.
func (w *walker) looksLikeImage(full string) bool {
	if ext := strings.ToLower(filepath.Ext(full)); ext != "" {
		return extensions[ext]
	}
	f, err := os.Open(full)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // nothing was written
	if info, err := f.Stat(); err == nil {
		w.set.stamp(full, info)
	}
	var head [16]byte
	n, _ := f.Read(head[:])
	return sniff(head[:n]) != ""
}

// count spells a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// listSome names the first few of names and says how many more there are.
func listSome(names []string) string {
	if len(names) <= examplesKept {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:examplesKept], ", "), len(names)-examplesKept)
}
