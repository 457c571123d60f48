package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestMakeDirAppearsWhole(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "runs", "x")
	err := MakeDir(path, func(dir string) error {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the directory is there before it is filled (%v)", err)
		}
		return errors.Join(os.Mkdir(filepath.Join(dir, "checkpoints"), 0o777), writeText(filepath.Join(dir, "config.yaml"), "a: 1\n"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(path, "config.yaml")); got != "a: 1\n" {
		t.Errorf("config.yaml holds %q", got)
	}
	if got := names(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("beside the directory there is %q", got)
	}
}

func TestMakeDirFailureLeavesNothing(t *testing.T) {
	root := t.TempDir()
	err := MakeDir(filepath.Join(root, "x"), func(dir string) error {
		return errors.Join(writeText(filepath.Join(dir, "half"), "x"), errWriter)
	})
	if !errors.Is(err, errWriter) {
		t.Errorf("error %v, want the filler's own", err)
	}
	if got := names(t, root); len(got) != 0 {
		t.Errorf("left behind: %q", got)
	}
}

func TestMakeDirRefusesAnExistingOne(t *testing.T) {
	root := t.TempDir()
	before, during := filepath.Join(root, "before"), filepath.Join(root, "during")
	if err := os.Mkdir(before, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := MakeDir(before, func(string) error { return nil }); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, want fs.ErrExist", err)
	}
	err := MakeDir(during, func(string) error { return os.Mkdir(during, 0o777) })
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("made by another meanwhile: error %v, want fs.ErrExist", err)
	}
	if got := names(t, root); len(got) != 2 {
		t.Errorf("root holds %q, want the two directories alone", got)
	}
}
