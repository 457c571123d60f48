package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"supcon/pkg/fault"
)

// ErrNone is in the chain of the error about a run without a checkpoint yet.
var ErrNone = errors.New("there is no checkpoint yet")

// Found is a checkpoint that verifies.
type Found struct {
	Path  string
	Run   string   // the run directory it belongs to; "" for a file that lies in none
	Notes []string // what the user should know: which checkpoints were passed over, and why
}

// Resolve finds the checkpoint to use of run: a checkpoint file is itself, a run
// directory its best, else its last. Where that one is damaged it is the newest
// that verifies, and a note says so. Every error is a fault.Checkpoint.
func Resolve(run string) (Found, error) { return resolve(run, Best, Last) }

// ResolveLast is Resolve without regard to `best`: where to resume.
func ResolveLast(run string) (Found, error) { return resolve(run, Last) }

func resolve(run string, pointers ...string) (Found, error) {
	stat, err := os.Stat(run)
	if errors.Is(err, fs.ErrNotExist) {
		return Found{}, fault.Checkpoint.Errorf("%q does not exist: give a run directory that `supcon train` made, or a checkpoint file: %w", run, fs.ErrNotExist)
	}
	if err != nil {
		return Found{}, fault.Checkpoint.Errorf("%q cannot be read: %w", run, err)
	}
	if !stat.IsDir() {
		if err := Verify(run); err != nil {
			return Found{}, err
		}
		return Found{Path: run, Run: runOf(run)}, nil
	}
	candidates, notes, err := candidates(run, pointers)
	if err != nil {
		return Found{}, err
	}
	var first error
	for _, path := range candidates {
		err := Verify(path)
		if err == nil {
			if first != nil {
				notes = append(notes, fmt.Sprintf("using %q instead", path))
			}
			return Found{path, run, notes}, nil
		}
		if errors.Is(err, ErrVersion) {
			return Found{}, err // not damage: an older file would be the wrong answer
		}
		if first == nil {
			first = err
		}
		notes = append(notes, err.Error())
	}
	if len(candidates) > 1 {
		return Found{}, fault.Checkpoint.Errorf("none of the %d checkpoints of %q can be used; the first: %w", len(candidates), run, first)
	}
	return Found{}, first
}

// candidates lists run's checkpoints in the order in which they are tried: what
// the first readable pointer names, then all from the newest on.
func candidates(run string, pointers []string) (paths, notes []string, err error) {
	for _, name := range pointers {
		path, err := pointed(run, name)
		if err == nil {
			paths = append(paths, path)
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			notes = append(notes, fmt.Sprintf("the pointer cannot be followed: %v", err))
		}
	}
	steps, err := Steps(run)
	if err != nil {
		return nil, nil, fault.Checkpoint.Errorf("the checkpoints of %q cannot be listed: %w", run, err)
	}
	for i := len(steps) - 1; i >= 0; i-- {
		if path := StepPath(run, steps[i]); len(paths) == 0 || path != paths[0] {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return nil, nil, fault.Checkpoint.Errorf("%q holds no checkpoint: give a run directory that `supcon train` made, or wait for its first one: %w", run, ErrNone)
	}
	return paths, notes, nil
}

// runOf returns the run directory that a checkpoint file lies in, or "": a folder
// of the name alone makes no run.
func runOf(path string) string {
	absolute, err := filepath.Abs(path)
	if err != nil || filepath.Base(filepath.Dir(absolute)) != Folder {
		return ""
	}
	run := filepath.Join(filepath.Dir(path), "..")
	if _, err := os.Stat(filepath.Join(run, ConfigName)); err != nil {
		return ""
	}
	return run
}

// Newest returns the run directory under runs whose newest checkpoint was
// written last; of equal times the greater name. The error is a fault.Checkpoint.
func Newest(runs string) (string, error) {
	entries, err := os.ReadDir(runs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fault.Checkpoint.Errorf("%q cannot be read: %w", runs, err)
	}
	newest, when := "", time.Time{}
	for _, entry := range entries { // sorted by name
		run := filepath.Join(runs, entry.Name())
		if t, ok := lastWritten(run); ok && !t.Before(when) {
			newest, when = run, t
		}
	}
	if newest == "" {
		return "", fault.Checkpoint.Errorf("no run under %q has a checkpoint: name a run, or make one with `supcon train`: %w", runs, ErrNone)
	}
	return newest, nil
}

func lastWritten(run string) (time.Time, bool) {
	steps, err := Steps(run)
	if err != nil || len(steps) == 0 {
		return time.Time{}, false
	}
	stat, err := os.Stat(StepPath(run, steps[len(steps)-1]))
	if err != nil {
		return time.Time{}, false
	}
	return stat.ModTime(), true
}
