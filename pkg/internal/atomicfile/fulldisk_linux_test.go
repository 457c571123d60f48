package atomicfile

import (
	"errors"
	"io"
	"path/filepath"
	"syscall"
	"testing"
)

// A full disk fails the write, keeps the former file and leaves nothing else.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v", err)
	}
	defer func() { _ = syscall.Unmount(dir, 0) }()
	path := filepath.Join(dir, "f")
	if err := writeText(path, "former"); err != nil {
		t.Fatal(err)
	}
	err := WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(make([]byte, 1<<20))
		return err
	})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want ENOSPC", err)
	}
	if got := read(t, path); got != "former" {
		t.Errorf("file holds %q, want the former content", got)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("directory holds %q, want the former file alone", got)
	}
	if err := MakeDir(filepath.Join(dir, "run"), func(d string) error {
		return WriteFile(filepath.Join(d, "big"), func(w io.Writer) error {
			_, err := w.Write(make([]byte, 1<<20))
			return err
		})
	}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("directory: error %v, want ENOSPC", err)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("directory holds %q, want the former file alone", got)
	}
}
