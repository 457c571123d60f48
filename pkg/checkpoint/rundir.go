package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"supcon/pkg/internal/atomicfile"
)

// The names inside a run directory.
const (
	ConfigName = "config.yaml" // the run's settings, as package config writes them
	Folder     = "checkpoints"
	Last       = "last" // pointer to the newest checkpoint
	Best       = "best" // pointer to the one with the best validation score
)

const (
	stepPrefix = "step-"
	stepSuffix = ".safetensors"
)

// StepPath returns where run's checkpoint after step updates lies.
func StepPath(run string, step int) string {
	return filepath.Join(run, Folder, fmt.Sprintf("%s%08d%s", stepPrefix, step, stepSuffix))
}

// SaveStep saves run's checkpoint of m.Step and then, the file being safe,
// switches `best` to it if asked, and `last` at the end: a run killed in between
// resumes from the older `last` and comes by here again. It returns the file's path.
func SaveStep(run string, m Meta, tensors []Tensor, best bool) (string, error) {
	folder := filepath.Join(run, Folder)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	path := StepPath(run, m.Step)
	if err := Save(path, m, tensors); err != nil {
		return "", err
	}
	pointers := []string{Last}
	if best {
		pointers = []string{Best, Last}
	}
	for _, name := range pointers {
		if err := atomicfile.WritePointer(filepath.Join(folder, name), filepath.Base(path)); err != nil {
			return "", fmt.Errorf("checkpoint: %w", err)
		}
	}
	return path, nil
}

// Prune removes run's checkpoints but the keep newest and those that `last` and
// `best` name, and what killed writers left; keep < 1 keeps all. The caller must
// be the run's only writer.
func Prune(run string, keep int) error {
	steps, err := Steps(run)
	if err != nil {
		return fmt.Errorf("checkpoint: prune: %w", err)
	}
	kept := map[string]bool{}
	for _, name := range []string{Last, Best} {
		switch path, err := pointed(run, name); {
		case err == nil:
			kept[path] = true
		case !errors.Is(err, fs.ErrNotExist):
			return nil // not knowing which one is good, remove none
		}
	}
	for i, step := range steps {
		path := StepPath(run, step)
		if keep < 1 || i >= len(steps)-keep || kept[path] {
			continue
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("checkpoint: prune: %w", err)
		}
	}
	return atomicfile.RemoveStale(filepath.Join(run, Folder))
}

// Steps lists the steps that run has a checkpoint file of, ascending.
func Steps(run string) ([]int, error) {
	entries, err := os.ReadDir(filepath.Join(run, Folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var steps []int
	for _, entry := range entries {
		if step, ok := parseStep(entry.Name()); ok {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps, nil
}

func parseStep(name string) (int, bool) {
	digits, ok := strings.CutSuffix(name, stepSuffix)
	digits, hasPrefix := strings.CutPrefix(digits, stepPrefix)
	step, err := strconv.Atoi(digits)
	ok = ok && hasPrefix && err == nil && step >= 0 && filepath.Base(StepPath("", step)) == name
	return step, ok
}

// pointed returns the path that run's pointer name names. A pointer to anything
// but a checkpoint beside it is damaged.
func pointed(run, name string) (string, error) {
	path := filepath.Join(run, Folder, name)
	line, err := atomicfile.ReadPointer(path)
	if err != nil {
		return "", err
	}
	if _, ok := parseStep(line); !ok {
		return "", fmt.Errorf("%q names %.100q, which is no checkpoint", path, line)
	}
	return filepath.Join(run, Folder, line), nil
}
