package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"supcon/pkg/fault"
)

// tree writes files below a new folder; a name ending in a slash is a folder,
// "link -> target" a symbolic link.
func tree(t testing.TB, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		name, target, link := strings.Cut(name, " -> ")
		full := filepath.Join(root, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(full, 0o777))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(full), 0o777))
		if link {
			must(t, os.Symlink(filepath.FromSlash(target), full))
			continue
		}
		must(t, os.WriteFile(full, []byte(name), 0o666))
	}
	return root
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, root string, o Options) *Set {
	t.Helper()
	s, err := Open(root, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// labelled lists items as class:path, or path alone without a class.
func labelled(s *Set) []string {
	var list []string
	for _, item := range s.Items {
		if item.Label >= 0 {
			item.Path = s.Classes[item.Label] + ":" + item.Path
		}
		list = append(list, item.Path)
	}
	return list
}

func TestOpenTakesTheFirstFolderAsTheClass(t *testing.T) {
	root := tree(t, "dog/b.PNG", "dog/deep/er/a.jpeg", "cat/2.webp", "cat/10.gif", "cat 2/x.tiff", "bird/only.bmp",
		"dog/notes.txt", "dog/.hidden.png", ".git/x.png", "cat/.cache/y.png", "README.md", "loose.jpg", "empty/", "texts/a.txt", "dog/noext")
	s := open(t, root, Options{})
	want := []string{"bird:bird/only.bmp", "cat 2:cat 2/x.tiff", "cat:cat/10.gif", "cat:cat/2.webp", "dog:dog/b.PNG", "dog:dog/deep/er/a.jpeg"}
	if diff := cmp.Diff(want, labelled(s)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"bird", "cat", "cat 2", "dog"}, s.Classes); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"README.md", "dog/noext", "dog/notes.txt", "texts/a.txt"}, slices.Sorted(slices.Values(s.NotImageExamples))); s.NotImages != 4 || diff != "" {
		t.Errorf("%d files are no images (-want +got):\n%s", s.NotImages, diff)
	}
	notes := strings.Join(s.Notes, "\n")
	for _, words := range []string{`class "bird" has a single image`, `class "cat 2" has a single image`, "1 image in", `"empty" holds no images`, `"texts" holds no images`} {
		if !strings.Contains(notes, words) {
			t.Errorf("no note says %q:\n%s", words, notes)
		}
	}
	if len(s.Notes) != 5 {
		t.Errorf("%d notes, want 5:\n%s", len(s.Notes), notes)
	}
	if diff := cmp.Diff([]int{1, 2, 1, 2}, s.ClassCounts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	for i := range s.Items {
		if data, err := s.Read(i); err != nil || string(data) != s.Items[i].Path {
			t.Errorf("Read(%d) of %s = %q, %v", i, s.Items[i].Path, data, err)
		}
	}
}

// Giving the folder above train and test is an easy mistake.
func TestPartsOfADataSetAreNoClasses(t *testing.T) {
	root := tree(t, "train/cat/1.jpg", "train/dog/2.jpg", "test/cat/3.jpg", "test/dog/4.jpg")
	if notes := open(t, root, Options{}).Notes; len(notes) != 1 || !strings.Contains(notes[0], "give one of them, such as "+filepath.Join(root, "test")) {
		t.Errorf("notes %q", notes)
	}
	if notes := open(t, filepath.Join(root, "train"), Options{}).Notes; slices.ContainsFunc(notes, func(s string) bool { return strings.Contains(s, "parts") }) {
		t.Errorf("notes %q", notes)
	}
}

func TestOpenUnlabelled(t *testing.T) {
	root := tree(t, "x.jpg", "a/b/c/y.png", "a/z.jpg", "n.txt")
	s := open(t, root, Options{Unlabelled: true})
	if diff := cmp.Diff([]string{"a/b/c/y.png", "a/z.jpg", "x.jpg"}, labelled(s)); diff != "" || s.Labelled() || len(s.Notes) != 0 {
		t.Errorf("items (-want +got):\n%s\nclasses %v, notes %v", diff, s.Classes, s.Notes)
	}
}

func TestStrayImagesComeWithoutAClass(t *testing.T) {
	root := tree(t, "loose.png", "dog/a.png", "cat/deep/b.png")
	want := []string{"cat:cat/deep/b.png", "dog:dog/a.png", "loose.png"}
	if diff := cmp.Diff(want, labelled(open(t, root, Options{Stray: true}))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[:2], labelled(open(t, root, Options{}))); diff != "" {
		t.Error(diff)
	}
	flat := open(t, tree(t, "a.png", "b.png"), Options{Stray: true})
	if flat.Labelled() || flat.Len() != 2 {
		t.Errorf("a flat folder gave %d images of classes %v", flat.Len(), flat.Classes)
	}
}

func TestAFileWithoutExtensionIsKnownByItsBytes(t *testing.T) {
	root := tree(t, "a/text")
	must(t, os.WriteFile(filepath.Join(root, "a", "picture"), encode(t, "PNG", gradient(2, 2)), 0o666))
	if diff := cmp.Diff([]string{"a:a/picture"}, labelled(open(t, root, Options{}))); diff != "" {
		t.Error(diff)
	}
}

func TestLinksAreFollowedAndLoopsEnd(t *testing.T) {
	root := tree(t, "a/1.jpg", "a/loop -> ../a", "a/up -> ..", "b -> a", "c/deep/2.jpg", "c/again -> deep", "c/file.jpg -> ../a/1.jpg", "c/gone.jpg -> nowhere.jpg",
		"d/x/3.jpg", "d/x/to-y -> ../y", "d/y/4.jpg", "d/y/to-x -> ../x")
	got := labelled(open(t, root, Options{}))
	want := []string{
		"a:a/1.jpg",
		// a/up is the root, an ancestor; b is a linked class of its own.
		"b:b/1.jpg",
		"c:c/again/2.jpg", "c:c/deep/2.jpg", "c:c/file.jpg", "c:c/gone.jpg",
		"d:d/x/3.jpg", "d:d/x/to-y/4.jpg", "d:d/y/4.jpg", "d:d/y/to-x/3.jpg",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

// Ten folders that each link to the nine others have ten factorial paths.
func TestLinksBetweenFoldersDoNotMultiply(t *testing.T) {
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprintf("class/%d/x.jpg", i))
		for j := range 10 {
			names = append(names, fmt.Sprintf("class/%d/to%d -> ../%d", i, j, j))
		}
	}
	if n := open(t, tree(t, names...), Options{}).Len(); n < 10 || n > 20 {
		t.Errorf("%d items of 10 files", n)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	root := tree(t, "empty/", "texts/a.txt", "texts/b/c.md", "flat/1.jpg", "flat/2.jpg")
	cases := []struct{ folder, says string }{
		{"missing", "there is no folder"},
		{"texts/a.txt", "is a file"},
		{"empty", "holds no images; put one folder"},
		{"texts", "only 2 other files such as a.txt, b/c.md"},
		{"flat", "holds 2 images but no class folders"},
	}
	for _, c := range cases {
		_, err := Open(filepath.Join(root, c.folder), Options{})
		if err == nil || fault.Of(err) != fault.Data || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a data error that says %q", c.folder, err, c.says)
		}
	}
	s := open(t, root, Options{Unlabelled: true})
	must(t, os.RemoveAll(filepath.Join(root, "flat")))
	if _, err := s.Read(0); fault.Of(err) != fault.Data || !strings.Contains(err.Error(), "flat") {
		t.Errorf("a vanished file: %v", err)
	}
}
