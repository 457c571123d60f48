package dataset

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"supcon/pkg/fault"
)

// tarFile writes an archive; an entry "name=content" has that content, any
// other its own name. A name longer than a header's field gets an extended one.
func tarFile(t testing.TB, entries ...string) string {
	t.Helper()
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, entry := range entries {
		name, content, given := strings.Cut(entry, "=")
		if !given {
			content = name
		}
		must(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}))
		_, err := w.Write([]byte(content))
		must(t, err)
	}
	must(t, w.Close())
	file := filepath.Join(t.TempDir(), "images.tar")
	must(t, os.WriteFile(file, buffer.Bytes(), 0o666))
	return file
}

func TestArchiveOfFolders(t *testing.T) {
	long := "dog/" + strings.Repeat("long/", 60) + "name.jpg"
	s := open(t, tarFile(t, "dog/b.png", "./cat/a.jpg", long, "readme.txt", "cat/.hidden.jpg", "loose.jpg", "cat/c.jpg"), Options{})
	want := []string{"cat:cat/a.jpg", "cat:cat/c.jpg", "dog:dog/b.png", "dog:" + long}
	if diff := cmp.Diff(want, labelled(s)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if s.NotImages != 1 || len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "1 image in") {
		t.Errorf("%d others, notes %q", s.NotImages, s.Notes)
	}
	for _, set := range []*Set{s, s.Select([]int{3, 2, 1, 0})} {
		for i, item := range set.Items {
			data, err := set.Read(i)
			if got := strings.TrimPrefix(string(data), "./"); err != nil || got != item.Path {
				t.Errorf("Read(%d) = %q, %v, want %q", i, data, err, item.Path)
			}
		}
	}
}

func TestWebDataset(t *testing.T) {
	s := open(t, tarFile(t, "x/000.jpg", "x/000.cls=7\n", "x/001.seg.png", "x/001.json={\"label\": \"bird\", \"n\": 1}",
		"x/002.cls=7", "x/002.jpg", "x/003.json={\"cls\": 12}", "x/003.webp", "x/004.jpg", "x/004.json=broken"), Options{})
	want := []string{"7:x/000.jpg", "bird:x/001.seg.png", "7:x/002.jpg", "12:x/003.webp"}
	if diff := cmp.Diff(want, labelled(s)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if u := open(t, tarFile(t, "b.jpg", "a.jpg", "a.cls=3"), Options{Unlabelled: true}); u.Labelled() || !cmp.Equal(labelled(u), []string{"a.jpg", "b.jpg"}) {
		t.Errorf("unlabelled: %v", labelled(u))
	}
	stray := open(t, tarFile(t, "b.jpg", "a.jpg", "a.cls=3"), Options{Stray: true})
	if diff := cmp.Diff([]string{"3:a.jpg", "b.jpg"}, labelled(stray)); diff != "" || len(stray.Notes) != 1 {
		t.Errorf("with strays (-want +got):\n%s\nnotes %q", diff, stray.Notes)
	}
}

func TestArchiveSaysWhatIsWrong(t *testing.T) {
	whole, err := os.ReadFile(tarFile(t, "cat/a.jpg", "cat/b.jpg="+strings.Repeat("x", 5000)))
	must(t, err)
	raw := func(name string, data []byte) string {
		file := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(file, data, 0o666))
		return file
	}
	cases := []struct{ name, file, says string }{
		{"gzip", raw("x.tar.gz", []byte("\x1f\x8b\x08")), "gunzip"},
		{"tgz", raw("x.tgz", []byte("\x1f\x8b\x08")), "gunzip"},
		{"gzip in disguise", raw("x.tar", []byte("\x1f\x8b\x08")), "gunzip"},
		{"zstd", raw("x.tar.zst", []byte("\x28\xb5\x2f\xfd")), "unzstd"},
		{"truncated", raw("x.tar", whole[:3000]), "truncated"},
		{"text", raw("x.tar", []byte(strings.Repeat("hello", 300))), "damaged"},
		{"empty", tarFile(t), "holds no images"},
		{"no labels", tarFile(t, "a.jpg", "b.jpg"), "2 images but no labels"},
		{"another file", raw("x.zip", nil), "is a file"},
	}
	for _, c := range cases {
		_, err := Open(c.file, Options{})
		if err == nil || fault.Of(err) != fault.Data || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a data error that says %q", c.name, err, c.says)
		}
	}
}

// An archive gives the same pictures as the folder it was made of.
func TestArchiveDecodesAsTheFolderDoes(t *testing.T) {
	var entries []string
	for i := range 5 {
		entries = append(entries, fmt.Sprintf("c/%d.png=%s", i, encode(t, "PNG", gradient(3+i, 4))))
	}
	s := open(t, tarFile(t, entries...), Options{})
	for i := range s.Items {
		img, err := s.Decode(i)
		if err != nil || difference(img, gradient(3+i, 4)) != 0 {
			t.Errorf("image %d: %v", i, err)
		}
	}
}
