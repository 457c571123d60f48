package dataset

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"supcon/pkg/fault"
)

func manifestFile(t *testing.T, text string, files ...string) string {
	t.Helper()
	name := filepath.Join(tree(t, files...), "images.csv")
	must(t, os.WriteFile(name, []byte(text), 0o666))
	return name
}

func TestManifest(t *testing.T) {
	outside := filepath.ToSlash(filepath.Join(tree(t, "far.png"), "far.png"))
	name := manifestFile(t, "\ufeffid,Label, path\r\n1,dog,b/./x.jpg\r\n2,cat,\"a, b.png\"\r\n3,dog,"+outside+"\r\n4,dog,b/x.jpg\r\n5,cow,notes.txt\r\n", "b/x.jpg", "a, b.png")
	s := open(t, name, Options{})
	want := []string{"dog:" + outside, "cat:a, b.png", "dog:b/x.jpg"}
	if diff := cmp.Diff(want, labelled(s)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"cat", "dog"}, s.Classes); diff != "" || s.NotImages != 1 || len(s.Notes) != 1 {
		t.Errorf("classes (-want +got):\n%s\n%d others, notes %v", diff, s.NotImages, s.Notes)
	}
	for i, content := range []string{"far.png", "a, b.png", "b/x.jpg"} {
		if data, err := s.Read(i); err != nil || string(data) != content {
			t.Errorf("Read(%d) = %q, %v, want %q", i, data, err, content)
		}
	}
	if u := open(t, name, Options{Unlabelled: true}); u.Labelled() || u.Len() != 3 || u.Items[0].Label != -1 {
		t.Errorf("unlabelled: %v", labelled(u))
	}
	stray := open(t, manifestFile(t, "path,label\na.jpg,cat\nb.jpg,\n", "a.jpg", "b.jpg"), Options{Stray: true})
	if diff := cmp.Diff([]string{"cat:a.jpg", "b.jpg"}, labelled(stray)); diff != "" {
		t.Errorf("with strays (-want +got):\n%s", diff)
	}
}

func TestManifestSaysWhatIsWrong(t *testing.T) {
	cases := []struct{ name, text, says string }{
		{"empty", "", "the first line must name the columns"},
		{"no header", "a.jpg,cat\n", "the first line must name the columns"},
		{"no labels", "path\na.jpg\n", "no column label"},
		{"no rows", "path,label\n", "names no images"},
		{"no label", "path,label\na.jpg,\n", `line 2: "a.jpg" has no label`},
		{"no path", "path,label\na.jpg,cat\n,cat\n", "line 3: the path is empty"},
		{"two labels", "path,label\na.jpg,cat\n./a.jpg,dog\n", "line 3"},
		{"fields", "path,label\na.jpg,cat,3\n", "wrong number of fields"},
		{"missing file", "path,label\nb.jpg,cat\n", "relative to the manifest's folder"},
	}
	for _, c := range cases {
		_, err := Open(manifestFile(t, c.text, "a.jpg"), Options{})
		if err == nil || fault.Of(err) != fault.Data || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a data error that says %q", c.name, err, c.says)
		}
	}
}
