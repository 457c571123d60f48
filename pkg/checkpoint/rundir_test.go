package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"supcon/pkg/fault"
)

// newRun saves checkpoints at the steps; the best is the one of step best.
func newRun(t *testing.T, best int, steps ...int) string {
	t.Helper()
	run := filepath.Join(t.TempDir(), "run")
	for _, step := range steps {
		path, err := SaveStep(run, exampleMeta(step), exampleTensors(), step == best)
		if err != nil {
			t.Fatal(err)
		}
		if path != StepPath(run, step) {
			t.Fatalf("saved as %q", path)
		}
	}
	write(t, filepath.Join(run, ConfigName), nil)
	return run
}

// damage changes one bit of the last tensor.
func damage(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	write(t, path, data)
}

func steps(t *testing.T, run string) []int {
	t.Helper()
	s, err := Steps(run)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestResolve(t *testing.T) {
	run := newRun(t, 20, 10, 20, 30)
	cases := []struct {
		name string
		find func(string) (Found, error)
		arg  string
		step int
	}{
		{"best first", Resolve, run, 20},
		{"resume from last", ResolveLast, run, 30},
		{"a file", Resolve, StepPath(run, 10), 10},
		{"last without best", Resolve, newRun(t, -1, 10, 20), 20},
	}
	for _, c := range cases {
		found, err := c.find(c.arg)
		if err != nil || len(found.Notes) != 0 {
			t.Errorf("%s: %v, notes %q", c.name, err, found.Notes)
			continue
		}
		f, err := Load(found.Path)
		if err != nil || f.Meta.Step != c.step {
			t.Errorf("%s: step %d (%v), want %d", c.name, f.Meta.Step, err, c.step)
		}
		if found.Run != filepath.Dir(filepath.Dir(found.Path)) {
			t.Errorf("%s: run directory %q of %q", c.name, found.Run, found.Path)
		}
	}
}

func TestResolveFallsBack(t *testing.T) {
	cases := []struct {
		name   string
		find   func(string) (Found, error)
		break_ func(run string)
		step   int
		says   string
	}{
		{"last is damaged", ResolveLast, func(run string) { damage(t, StepPath(run, 40)) }, 30, "step-00000040"},
		{"last two are damaged", ResolveLast, func(run string) { damage(t, StepPath(run, 40)); damage(t, StepPath(run, 30)) }, 20, "step-00000030"},
		{"best is damaged", Resolve, func(run string) { damage(t, StepPath(run, 20)) }, 40, "step-00000020"},
		{"best is gone", Resolve, func(run string) { os.Remove(StepPath(run, 20)) }, 40, "step-00000020"},
		{"torn pointer", ResolveLast, func(run string) { write(t, filepath.Join(run, Folder, Last), nil) }, 40, "pointer"},
		{"pointer elsewhere", ResolveLast, func(run string) {
			write(t, filepath.Join(run, Folder, Last), []byte("../../step-00000010.safetensors\n"))
		}, 40, "pointer"},
	}
	for _, c := range cases {
		run := newRun(t, 20, 10, 20, 30, 40)
		c.break_(run)
		found, err := c.find(run)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if found.Path != StepPath(run, c.step) {
			t.Errorf("%s: found %q, want step %d", c.name, found.Path, c.step)
		}
		if notes := strings.Join(found.Notes, "; "); !strings.Contains(notes, c.says) {
			t.Errorf("%s: notes %q do not mention %q", c.name, notes, c.says)
		}
	}
}

func TestResolveErrors(t *testing.T) {
	allDamaged := newRun(t, -1, 10, 20)
	damage(t, StepPath(allDamaged, 10))
	damage(t, StepPath(allDamaged, 20))
	one := newRun(t, -1, 10)
	damage(t, StepPath(one, 10))
	newer := newRun(t, -1, 10, 20)
	data, err := os.ReadFile(StepPath(newer, 20))
	if err != nil {
		t.Fatal(err)
	}
	write(t, StepPath(newer, 20), []byte(strings.Replace(string(data), `\"version\":1`, `\"version\":2`, 1)))
	cases := []struct {
		name, arg string
		is        error
		says      string
	}{
		{"missing", filepath.Join(t.TempDir(), "missing"), os.ErrNotExist, "does not exist"},
		{"no checkpoint yet", t.TempDir(), ErrNone, "supcon train"},
		{"all damaged", allDamaged, nil, "none of the 2"},
		{"the only one damaged", one, nil, "step-00000010.safetensors\" is damaged"},
		{"a damaged file", StepPath(one, 10), nil, "is damaged"},
		{"a newer version", newer, ErrVersion, "form 2"},
	}
	for _, c := range cases {
		found, err := Resolve(c.arg)
		if fault.Of(err) != fault.Checkpoint || (c.is != nil && !errors.Is(err, c.is)) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: found %q, error %v, want one that says %q", c.name, found.Path, err, c.says)
		}
	}
}

// The pointers are switched after the file is safe: a save that fails leaves
// both as they were.
func TestSaveStepOrder(t *testing.T) {
	run := newRun(t, 10, 10)
	if _, err := SaveStep(run, exampleMeta(20), []Tensor{{Name: "", Data: iota32(1)}}, true); err == nil {
		t.Fatal("a broken tensor was saved")
	}
	if err := os.Mkdir(StepPath(run, 30), 0o777); err != nil { // the rename to this name will fail
		t.Fatal(err)
	}
	if _, err := SaveStep(run, exampleMeta(30), exampleTensors(), true); err == nil {
		t.Fatal("saved over a directory")
	}
	for _, name := range []string{Last, Best} {
		if path, err := pointed(run, name); err != nil || path != StepPath(run, 10) {
			t.Errorf("%s names %q (%v), want step 10", name, path, err)
		}
	}
}

// A run killed between the two pointers resumes from the older `last` and comes
// by the best step again; the other way round `best` would be lost.
func TestBestIsSwitchedBeforeLast(t *testing.T) {
	run := newRun(t, 10, 10)
	last := filepath.Join(run, Folder, Last)
	if err := os.Remove(last); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(last, 0o777); err != nil { // the switch of last will fail
		t.Fatal(err)
	}
	if _, err := SaveStep(run, exampleMeta(20), exampleTensors(), true); err == nil {
		t.Fatal("a directory was taken for a pointer")
	}
	if path, err := pointed(run, Best); err != nil || path != StepPath(run, 20) {
		t.Errorf("best names %q (%v), want step 20", path, err)
	}
}

func TestFileInAFolderOfTheNameIsNoRun(t *testing.T) {
	run := newRun(t, -1, 10)
	if err := os.Remove(filepath.Join(run, ConfigName)); err != nil {
		t.Fatal(err)
	}
	if found, err := Resolve(StepPath(run, 10)); err != nil || found.Run != "" {
		t.Errorf("run directory %q (%v) without a config.yaml, want none", found.Run, err)
	}
}

func TestPruneKeepsBestAndLast(t *testing.T) {
	cases := []struct {
		keep int
		want []int
	}{
		{0, []int{10, 20, 30, 40, 50}},
		{1, []int{20, 50}},
		{2, []int{20, 40, 50}},
		{9, []int{10, 20, 30, 40, 50}},
	}
	for _, c := range cases {
		run := newRun(t, 20, 10, 20, 30, 40, 50)
		stale := filepath.Join(run, Folder, ".supcon-tmp-0123")
		other := filepath.Join(run, Folder, "step-7.safetensors") // not a name of ours
		write(t, stale, nil)
		write(t, other, nil)
		if err := Prune(run, c.keep); err != nil {
			t.Fatal(err)
		}
		if got := steps(t, run); !slices.Equal(got, c.want) {
			t.Errorf("keep %d: steps %v are left, want %v", c.keep, got, c.want)
		}
		if _, err := os.Stat(stale); err == nil {
			t.Errorf("keep %d: a killed writer's file is left", c.keep)
		}
		if _, err := os.Stat(other); err != nil {
			t.Errorf("keep %d: somebody else's file is gone", c.keep)
		}
	}
	run := newRun(t, 10, 10, 20, 30)
	write(t, filepath.Join(run, Folder, Best), []byte("torn"))
	if err := Prune(run, 1); err != nil || len(steps(t, run)) != 3 {
		t.Errorf("with a torn `best`: error %v, steps %v; want all three kept and training to go on", err, steps(t, run))
	}
}

func TestNewest(t *testing.T) {
	runs := t.TempDir()
	now := time.Now()
	for name, age := range map[string]time.Duration{"a": time.Hour, "b": 0, "c": 0, "z": 2 * time.Hour} {
		run := filepath.Join(runs, name)
		path, err := SaveStep(run, exampleMeta(1), exampleTensors(), false)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(runs, "zz-without-checkpoint"), 0o777); err != nil {
		t.Fatal(err)
	}
	if got, err := Newest(runs); err != nil || got != filepath.Join(runs, "c") {
		t.Errorf("newest is %q (%v), want c", got, err)
	}
	for _, empty := range []string{t.TempDir(), filepath.Join(runs, "missing")} {
		if _, err := Newest(empty); !errors.Is(err, ErrNone) || fault.Of(err) != fault.Checkpoint {
			t.Errorf("no run: %v", err)
		}
	}
}
