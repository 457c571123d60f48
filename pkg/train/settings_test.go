package train

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"supcon/pkg/checkpoint"
	"supcon/pkg/fault"
)

// edit replaces a line of a run's config.yaml.
func edit(t *testing.T, dir, line, with string) {
	t.Helper()
	path := filepath.Join(dir, checkpoint.ConfigName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace("\n"+string(text), "\n"+line+"\n", "\n"+with+"\n", 1)[1:]
	if edited == string(text) {
		t.Fatalf("there is no %q in\n%s", line, text)
	}
	if err := os.WriteFile(path, []byte(edited), 0o644); err != nil {
		t.Fatal(err)
	}
}

// withoutSettings makes the last checkpoint of a run one of a program that did
// not save them.
func withoutSettings(t *testing.T, dir string) {
	t.Helper()
	found, err := checkpoint.ResolveLast(dir)
	if err != nil {
		t.Fatal(err)
	}
	file, err := checkpoint.Load(found.Path)
	if err != nil {
		t.Fatal(err)
	}
	var p position
	if err := json.Unmarshal(file.Meta.State, &p); err != nil {
		t.Fatal(err)
	}
	if p.Settings["temperature"] != "0.1" || p.Settings["data"] != "" || p.Held == "" {
		t.Fatalf("the checkpoint holds %+v", p)
	}
	p.Settings, p.Held = nil, ""
	if file.Meta.State, err = json.Marshal(p); err != nil {
		t.Fatal(err)
	}
	if err := checkpoint.Save(found.Path, file.Meta, file.Tensors); err != nil {
		t.Fatal(err)
	}
}

func TestResumeNamesEditedSettings(t *testing.T) {
	data := shapes(t, 8)
	for _, c := range []struct {
		line, with, want string
		kind             fault.Kind
	}{
		{"temperature: 0.1", "temperature: 0.2", "temperature 0.1 (now 0.2);", fault.Usage},
		{"epochs: 2", "epochs: 3", "epochs 2 (now 3);", fault.Usage},
		{"epochs: 2", "steps: 9", "epochs 2 (now steps 9);", fault.Usage},
		{"epochs: 2", "minutes: 9", "minutes is 9", fault.Usage},
		{"ema: 0.0", "ema: 0.5", "ema 0 (now 0.5);", fault.Usage},
		{"seed: 1\nthreads: 0", "seed: 2\nthreads: 1", "seed 1 (now 2);", fault.Usage},
		{"batch_size: 16", "batch_size: 15", "batch_size 16 (now 15);", fault.Usage},
		{"model: small\nhead: mlp", "model: resnet8\nhead: linear", "model small (now resnet8), head mlp (now linear);", fault.Checkpoint},
	} {
		dir, _ := run(t, quick(data), &watcher{})
		edit(t, dir, c.line, c.with)
		_, err := Resume(t.Context(), dir, Options{Observer: &watcher{}})
		if fault.Of(err) != c.kind || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "config.yaml") {
			t.Errorf("%s: error %v of kind %d, want %q of kind %d", c.with, err, fault.Of(err), c.want, c.kind)
		}
	}
}

func TestResumeTakesWhatNoWeightDependsOn(t *testing.T) {
	data := shapes(t, 8)
	moved := filepath.Join(t.TempDir(), "elsewhere")
	dir, _ := run(t, quick(data), &watcher{})
	if err := os.Rename(data, moved); err != nil {
		t.Fatal(err)
	}
	edit(t, dir, "data: "+data, "data: "+moved)
	edit(t, dir, "threads: 0\nconv: auto\nworkers: 0", "threads: 1\nconv: auto\nworkers: 1")
	edit(t, dir, "keep: 100", "keep: 1")
	edit(t, dir, "early_stop: 0", "early_stop: 5")
	if r := resume(t, dir, &watcher{}); r.Steps != 8 || r.Interrupted {
		t.Errorf("%+v", r)
	}
}

func TestOldCheckpointsResumeAsBefore(t *testing.T) {
	dir, _ := run(t, quick(shapes(t, 8)), &watcher{})
	withoutSettings(t, dir)
	edit(t, dir, "temperature: 0.1", "temperature: 0.2")
	if r := resume(t, dir, &watcher{}); r.Steps != 8 {
		t.Errorf("%+v", r)
	}
}

func TestResumeRefusesOtherValidationImages(t *testing.T) {
	cfg := quick(shapes(t, 8))
	cfg.Val = shapes(t, 4)
	dir, _ := run(t, cfg, &watcher{})
	if err := os.Remove(filepath.Join(cfg.Val, "star", "0001.jpg")); err != nil {
		t.Fatal(err)
	}
	_, err := Resume(t.Context(), dir, Options{Observer: &watcher{}})
	if fault.Of(err) != fault.Data || !strings.Contains(err.Error(), "validation images") {
		t.Errorf("error %v, want a data error", err)
	}
}
