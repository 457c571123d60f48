package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var errWriter = errors.New("input/output error")

// names lists what is in dir, temporary files included.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func writeText(path, text string) error {
	return WriteFile(path, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

func TestWriteFileReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, text := range []string{"first, and longer", "second"} {
		if err := writeText(path, text); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != text {
			t.Errorf("file holds %q, want %q", got, text)
		}
	}
	if got := names(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("directory holds %q, want only the file", got)
	}
}

func TestNothingAppearsBeforeCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("xyz")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("a"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before Commit the final name exists (%v)", err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	if got := read(t, path); got != "ayz" {
		t.Errorf("file holds %q", got)
	}
	if err := f.Commit(); err == nil {
		t.Error("a second Commit was accepted")
	}
}

func TestFailingWriterLeavesTheFormerFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := writeText(path, "former"); err != nil {
		t.Fatal(err)
	}
	err := WriteFile(path, func(w io.Writer) error {
		if _, err := io.WriteString(w, "half of the n"); err != nil {
			return err
		}
		return errWriter
	})
	if !errors.Is(err, errWriter) {
		t.Errorf("error %v, want the writer's own", err)
	}
	if got := read(t, path); got != "former" {
		t.Errorf("file holds %q, want the former content", got)
	}
	if got := names(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("directory holds %q, want no temporary file", got)
	}
}

func TestImpossibleTargets(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	full := filepath.Join(dir, "full")
	if err := errors.Join(writeText(file, "x"), os.MkdirAll(filepath.Join(full, "child"), 0o777)); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"under a file":         filepath.Join(file, "f"),
		"in a missing folder":  filepath.Join(dir, "missing", "f"),
		"a folder of the name": full,
	} {
		err := writeText(path, "x")
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), tempPrefix) {
			t.Errorf("%s: error %q must name the target and not the temporary file", name, err)
		}
	}
	if got := names(t, dir); len(got) != 2 {
		t.Errorf("directory holds %q, want no temporary file", got)
	}
}

// A directory that vanishes under the writer fails the rename, not silently.
func TestVanishedDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := Create(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Skip("an open file cannot be removed here")
	}
	if err := f.Commit(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want one that says the folder is gone", err)
	}
}

func TestPointer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "last")
	for _, line := range []string{"step-00000010.safetensors", "step-00000020.safetensors"} {
		if err := WritePointer(path, line); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadPointer(path); err != nil || got != line {
			t.Errorf("pointer says %q (%v), want %q", got, err, line)
		}
	}
	for _, line := range []string{"", "a\nb", "a\r"} {
		if err := WritePointer(path, line); err == nil {
			t.Errorf("pointer %q was accepted", line)
		}
	}
	for _, text := range []string{"", "\n", "torn", "a\nb\n", strings.Repeat("x", 1<<20)} {
		if err := writeText(path, text); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadPointer(path); err == nil {
			t.Errorf("file %.20q read as pointer %.20q", text, got)
		}
	}
}

func TestRemoveStale(t *testing.T) {
	dir := t.TempDir()
	if err := writeText(filepath.Join(dir, "kept"), "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(filepath.Join(dir, "killed")); err != nil { // neither committed nor aborted
		t.Fatal(err)
	}
	if err := RemoveStale(dir); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) != 1 || got[0] != "kept" {
		t.Errorf("directory holds %q, want only %q", got, "kept")
	}
}
