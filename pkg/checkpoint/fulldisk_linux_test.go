package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"supcon/pkg/fault"
)

// A disk that is full when the next checkpoint is due costs that one alone.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=128k"); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v", err)
	}
	defer func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }()
	run := filepath.Join(dir, "run")
	big := []Tensor{{Name: "a", Shape: []int{15_000}, Data: iota32(15_000)}}
	if _, err := SaveStep(run, exampleMeta(1), big, true); err != nil {
		t.Fatal(err)
	}
	_, err := SaveStep(run, exampleMeta(2), append(big, Tensor{Name: "b", Shape: []int{15_000}, Data: iota32(15_000)}), true)
	if !errors.Is(err, syscall.ENOSPC) || fault.Of(err) != fault.Job {
		t.Errorf("error %v, want ENOSPC", err)
	}
	for _, find := range []func(string) (Found, error){Resolve, ResolveLast} {
		if found, err := find(run); err != nil || found.Path != StepPath(run, 1) || len(found.Notes) != 0 {
			t.Errorf("found %+v (%v), want step 1", found, err)
		}
	}
	entries, err := os.ReadDir(filepath.Join(run, Folder))
	if err != nil || len(entries) != 3 {
		t.Errorf("the folder holds %v (%v), want one checkpoint and two pointers", entries, err)
	}
}
