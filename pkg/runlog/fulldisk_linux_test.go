package runlog

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A full disk tears a line; nothing may follow it, and reopening repairs it.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8k"); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v", err)
	}
	defer func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }()
	filler, path := filepath.Join(dir, "filler"), filepath.Join(dir, MetricsFile)
	if err := os.WriteFile(filler, make([]byte, 4096), 0o666); err != nil {
		t.Fatal(err)
	}
	m := openMetrics(t, path, 0)
	appendSteps(t, m, 1, 1)
	if err := m.Append(2, 0, F("note", strings.Repeat("x", 8192))); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("error %v, want ENOSPC", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := m.Append(2, 0); err == nil {
		t.Error("a line follows a torn one")
	}
	_ = m.file.Close()
	m = openMetrics(t, path, 1)
	appendSteps(t, m, 2, 3)
	steps := 0
	if err := ReadMetrics(path, func(Record) error { steps++; return nil }); err != nil || steps != 3 {
		t.Errorf("%d lines (%v), want 3", steps, err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}
