//go:build unix

package dataset

import (
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe in the place of an image must neither be opened nor hang.
func TestSpecialFilesAreNoImages(t *testing.T) {
	root := tree(t, "a/1.jpg")
	must(t, syscall.Mkfifo(filepath.Join(root, "a", "pipe.jpg"), 0o666))
	s := open(t, root, Options{})
	if s.Len() != 1 || s.NotImages != 1 {
		t.Errorf("%d items, %d others; want 1 and 1", s.Len(), s.NotImages)
	}
}
