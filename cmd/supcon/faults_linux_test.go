package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"supcon/pkg/checkpoint"
)

// disk mounts a file system of the given size, or skips.
func disk(t *testing.T, size string, flags uintptr) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, "size="+size); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// command runs one command line and returns its exit code and outputs.
func command(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(ctx, &out, &err, args)
	return code, out.String(), err.String()
}

// trainArgs is a short run of a small net into out.
func trainArgs(out string, more ...string) []string {
	sample := filepath.Join(checkout, "datasets", "sample", "train")
	return append([]string{"train", "--data", sample, "--model", "small", "--image-size", "16", "--batch-size", "50", "--val-fraction", "0", "--out", out}, more...)
}

// The disk fills up between two checkpoints: the run ends with one sentence, and
// the checkpoint before is whole and named by `last`.
func TestFullDiskKeepsTheLastCheckpoint(t *testing.T) {
	dir := filepath.Join(disk(t, "2600k", 0), "run") // room for two checkpoints, not for three
	code, stdout, stderr := command(context.Background(), trainArgs(dir, "--steps", "5", "--checkpoint-every-steps", "1")...)
	last := stderr[strings.LastIndex(strings.TrimSuffix(stderr, "\n"), "\n")+1:]
	if code != 1 || stdout != "" || !strings.HasPrefix(last, "supcon: ") || !strings.Contains(last, "no space left on device") {
		t.Fatalf("exit code %d, stdout %q, stderr %q; want 1 and one sentence", code, stdout, last)
	}
	found, err := checkpoint.ResolveLast(dir)
	if err != nil || len(found.Notes) > 0 {
		t.Fatalf("after a full disk: %v, notes %v", err, found.Notes)
	}
	entries, err := os.ReadDir(filepath.Join(dir, checkpoint.Folder))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("left %s", e.Name())
		}
	}
}

func TestReadOnlyOutputs(t *testing.T) {
	dir := disk(t, "1m", syscall.MS_RDONLY)
	code, _, stderr := command(context.Background(), trainArgs(filepath.Join(dir, "run"))...)
	if code != 1 || !strings.Contains(stderr, "read-only file system") || !strings.Contains(stderr, "cannot make the run directory") {
		t.Errorf("train: exit code %d, stderr %q", code, stderr)
	}
	run := filepath.Join(t.TempDir(), "run")
	if code, _, stderr := command(context.Background(), trainArgs(run, "--epochs", "0")...); code != 0 {
		t.Fatal(stderr)
	}
	code, _, stderr = command(context.Background(), "embed", run, "--out", filepath.Join(dir, "v.npy"))
	if code != 1 || !strings.Contains(stderr, "read-only file system") {
		t.Errorf("embed: exit code %d, stderr %q", code, stderr)
	}
}

func TestSignalsHaveTheirExitCodes(t *testing.T) {
	for signal, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(interrupted{signal})
		code, stdout, stderr := command(ctx, trainArgs(filepath.Join(t.TempDir(), "run"))...)
		if code != want || stdout != "" || strings.Count(stderr, "supcon: ") < 1 {
			t.Errorf("%v: exit code %d, want %d; stdout %q, stderr %q", signal, code, want, stdout, stderr)
		}
	}
}

// Ctrl-C whose save fails says so: the steps are lost, and the user must know.
func TestInterruptionDoesNotHideAFailedSave(t *testing.T) {
	dir := filepath.Join(disk(t, "700k", 0), "run") // no room for a checkpoint
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if text, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl")); err == nil && bytes.Count(text, []byte("\n")) >= 2 {
				break
			}
		}
		cancel(interrupted{syscall.SIGINT})
	}()
	code, _, stderr := command(ctx, trainArgs(dir, "--epochs", "1000", "--checkpoint-every-steps", "100000")...)
	if code != 1 || !strings.Contains(stderr, "no space left on device") {
		t.Errorf("exit code %d, stderr %q; want 1 and the failed save", code, stderr)
	}
}

// A result that cannot be printed is a failure.
func TestFullStdoutIsAFailure(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("there is no /dev/full: %v", err)
	}
	defer func() { _ = full.Close() }()
	var stderr bytes.Buffer
	dir := filepath.Join(t.TempDir(), "shapes")
	code := run(context.Background(), full, &stderr, []string{"data", "synth", dir, "--train", "1", "--test", "1"})
	if code != 1 || !strings.Contains(stderr.String(), "no space left on device") {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
}
