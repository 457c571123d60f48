package dataset

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// long ago, as the file system's clock must show for an index to be kept.
func age(t testing.TB, root string) {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	must(t, filepath.WalkDir(root, func(name string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(name, old, old)
	}))
}

func kept(t testing.TB, c indexCache) int {
	t.Helper()
	entries, err := os.ReadDir(c.folder)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return len(entries)
}

func opened(t testing.TB, c indexCache, root string, o Options) *Set {
	t.Helper()
	s, err := c.open(root, o)
	must(t, err)
	return s
}

// sources are the three kinds of source with the same images in them.
func sources(t *testing.T) map[string]string {
	folder := tree(t, "a/x.jpg", "a/deep/y.png", "b/z.gif", "b/bare", "note.txt")
	csv := filepath.Join(folder, "list.csv")
	must(t, os.WriteFile(csv, []byte("path,label\na/x.jpg,one\nb/z.gif,two\nc.txt,one\n"), 0o666))
	return map[string]string{"folder": folder, "manifest": csv, "archive": tarFile(t, "a/x.jpg", "first", "b/z.gif", "second", "b/note.txt", "third")}
}

func TestKeptIndexIsTheSet(t *testing.T) {
	for name, root := range sources(t) {
		c := indexCache{filepath.Join(t.TempDir(), "index"), 1}
		age(t, filepath.Dir(root))
		age(t, root)
		for _, o := range []Options{{}, {Unlabelled: true}} {
			fresh := opened(t, c, root, o)
			again := c.load(root, o)
			if again == nil {
				t.Fatalf("%s: nothing was kept", name)
			}
			same := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".source" || p.Last().String() == ".stamps" }, cmp.Ignore())
			if diff := cmp.Diff(fresh, again, same, cmp.AllowUnexported(Set{})); diff != "" {
				t.Errorf("%s (-indexed +kept):\n%s", name, diff)
			}
			for i := range fresh.Items {
				want, err := fresh.Read(i)
				must(t, err)
				if got, err := again.Read(i); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: image %d reads %q, %v; want %q", name, i, got, err, want)
				}
			}
		}
		if kept(t, c) != 2 {
			t.Errorf("%s: %d indexes for two ways of reading", name, kept(t, c))
		}
	}
}

func TestKeptIndexEndsWithAnyChange(t *testing.T) {
	for what, change := range map[string]func(root string) error{
		"a new image":  func(root string) error { return os.WriteFile(filepath.Join(root, "a", "new.jpg"), nil, 0o666) },
		"a deeper one": func(root string) error { return os.WriteFile(filepath.Join(root, "a", "deep", "n.jpg"), nil, 0o666) },
		"one removed":  func(root string) error { return os.Remove(filepath.Join(root, "b", "z.gif")) },
		"a new class":  func(root string) error { return os.Mkdir(filepath.Join(root, "c"), 0o777) },
		"a sniffed file": func(root string) error {
			return os.WriteFile(filepath.Join(root, "b", "bare"), []byte("\xff\xd8\xff"), 0o666)
		},
	} {
		root := sources(t)["folder"]
		c := indexCache{filepath.Join(t.TempDir(), "index"), 1}
		age(t, root)
		opened(t, c, root, Options{})
		if kept(t, c) != 1 {
			t.Fatalf("%s: nothing was kept", what)
		}
		must(t, change(root))
		if c.load(root, Options{}) != nil {
			t.Errorf("%s: the index still holds", what)
		}
	}
}

// What might change without a trace, or has just changed, or is small, is not kept.
func TestWhatIsNotKept(t *testing.T) {
	c := indexCache{filepath.Join(t.TempDir(), "index"), 1}
	opened(t, c, sources(t)["folder"], Options{}) // written this instant
	linked := sources(t)["folder"]
	must(t, os.Symlink(filepath.Join(linked, "a"), filepath.Join(linked, "l")))
	age(t, linked)
	opened(t, c, linked, Options{})
	small := sources(t)["folder"]
	age(t, small)
	opened(t, indexCache{c.folder, 100}, small, Options{})
	opened(t, indexCache{}, small, Options{})
	if n := kept(t, c); n != 0 {
		t.Errorf("%d indexes were kept", n)
	}
	// A folder that cannot be written, and a damaged index, are passed over.
	blocked := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(blocked, nil, 0o666))
	opened(t, indexCache{filepath.Join(blocked, "index"), 1}, small, Options{})
	opened(t, c, small, Options{})
	name, _ := c.file(small, Options{})
	must(t, os.Truncate(name, 40))
	if c.load(small, Options{}) != nil || opened(t, c, small, Options{}).Len() != 3 {
		t.Error("a truncated index is used")
	}
}

func TestOldIndexesGo(t *testing.T) {
	c := indexCache{filepath.Join(t.TempDir(), "index"), 1}
	must(t, os.MkdirAll(c.folder, 0o700))
	for i := range 2 * keptIndexes {
		name := filepath.Join(c.folder, string(rune('A'+i)))
		must(t, os.WriteFile(name, nil, 0o600))
		must(t, os.Chtimes(name, time.Unix(int64(i), 0), time.Unix(int64(i), 0)))
	}
	root := sources(t)["folder"]
	age(t, root)
	opened(t, c, root, Options{})
	if _, err := os.Stat(filepath.Join(c.folder, "A")); kept(t, c) != keptIndexes || err == nil || c.load(root, Options{}) == nil {
		t.Errorf("%d indexes, the oldest: %v", kept(t, c), err)
	}
}
