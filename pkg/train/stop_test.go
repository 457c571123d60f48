package train

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"supcon/pkg/checkpoint"
	"supcon/pkg/config"
	"supcon/pkg/fault"
)

// impatient ends after a validation without a better score. Ten validation images
// have eleven scores, so it ends within twelve of its twenty epochs.
func impatient(t *testing.T) config.Run {
	cfg := quick(shapes(t, 8))
	cfg.Epochs, cfg.KNNEveryEpochs, cfg.EarlyStop = 20, 1, 1
	return cfg
}

// resume takes the run in dir to its end.
func resume(t *testing.T, dir string, w *watcher) Result {
	t.Helper()
	trainer, err := Resume(context.Background(), dir, Options{Observer: w})
	if err != nil {
		t.Fatal(err)
	}
	result, err := trainer.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestEarlyStop(t *testing.T) {
	cfg := impatient(t)
	w := &watcher{}
	dir, result := run(t, cfg, w)
	last := len(w.validated) - 1
	for i := 1; i <= last; i++ {
		if better := w.validated[i] > w.validated[i-1]; better != (i < last) {
			t.Fatalf("scores %v: the run should have ended after the first that is no better", w.validated)
		}
	}
	perEpoch := w.overview.TotalSteps / 20
	if !result.StoppedEarly || result.Interrupted || result.Steps != (last+1)*perEpoch || last == 19 {
		t.Errorf("result %+v after %d validations", result, last+1)
	}
	if notes := strings.Join(w.notes, "\n"); !strings.Contains(notes, "the run ends here") {
		t.Errorf("the user is not told why: %q", notes)
	}
	before := lastBytes(t, dir)
	if found, err := checkpoint.Resolve(dir); err != nil || found.Path != checkpoint.StepPath(dir, last*perEpoch) {
		t.Errorf("best is %s, %v; want that of step %d", found.Path, err, last*perEpoch)
	}

	again := &watcher{}
	if r := resume(t, dir, again); !r.StoppedEarly || r.Interrupted || r.Steps != result.Steps || len(again.steps)+len(again.saved)+len(again.validated) > 0 {
		t.Errorf("resumed: %+v, %d steps; want a run that has ended", r, len(again.steps))
	}
	if !bytes.Equal(before, lastBytes(t, dir)) {
		t.Error("resuming an ended run changed its last checkpoint")
	}

	// The user decides otherwise: the run goes on as if it had never been stopped.
	edit(t, dir, "early_stop: 1", "early_stop: 0")
	if r := resume(t, dir, &watcher{}); r.StoppedEarly || r.Steps != 20*perEpoch {
		t.Errorf("gone on: %+v", r)
	}
	cfg.EarlyStop = 0
	whole, _ := run(t, cfg, &watcher{})
	if !bytes.Equal(lastBytes(t, whole), lastBytes(t, dir)) {
		t.Error("a run that was stopped early and gone on with has other bytes than one that was not")
	}
}

func TestEarlyStopNeedsValidation(t *testing.T) {
	cfg := impatient(t)
	cfg.ValFraction = 0
	_, err := New(context.Background(), cfg, Options{Out: filepath.Join(t.TempDir(), "run"), Observer: &watcher{}})
	if fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), "early_stop needs validation images") {
		t.Errorf("error %v, want a usage error", err)
	}
}

// A run is killed after any step: what is on disk then, resumed, ends in the bytes
// of the run that was not.
func TestKilledRunEndsInTheSameBytes(t *testing.T) {
	cfg := impatient(t)
	cfg.EMA, cfg.CheckpointEverySteps = 0.95, 3
	kills := map[int]string{}
	parent := t.TempDir()
	dir := filepath.Join(t.TempDir(), "run")
	w := &watcher{onStep: func(step int) {
		if step > 9 || testing.Short() && step%3 != 2 { // in short, between any two checkpoints
			return
		}
		kills[step] = filepath.Join(parent, string(rune('0'+step)))
		if err := os.CopyFS(kills[step], os.DirFS(dir)); err != nil {
			t.Error(err)
		}
	}}
	trainer, err := New(context.Background(), cfg, Options{Out: dir, Observer: w})
	if err != nil {
		t.Fatal(err)
	}
	result, err := trainer.Run(context.Background())
	if err != nil || !result.StoppedEarly {
		t.Fatalf("%+v, %v", result, err)
	}
	for step, killed := range kills {
		if r := resume(t, killed, &watcher{}); r.Steps != result.Steps || !r.StoppedEarly {
			t.Errorf("killed after step %d: %+v, want %+v", step, r, result)
		}
		if !bytes.Equal(lastBytes(t, dir), lastBytes(t, killed)) {
			t.Errorf("killed after step %d: the checkpoint's bytes differ", step)
		}
		if a, b := metricSteps(t, dir), metricSteps(t, killed); a != b {
			t.Errorf("killed after step %d: metrics have steps %s, want %s", step, b, a)
		}
	}
}

func TestARunShorterThanAnEpochIsValidated(t *testing.T) {
	cfg := quick(shapes(t, 8))
	cfg.Steps = 2
	w := &watcher{}
	dir, result := run(t, cfg, w)
	if len(w.validated) != 1 || result.ValKNNTop1 == nil || *result.ValKNNTop1 != w.validated[0] {
		t.Errorf("validated %v, result %v; want one score", w.validated, result.ValKNNTop1)
	}
	if steps := metricSteps(t, dir); steps != "s1s2e2" {
		t.Errorf("metrics have %s", steps)
	}
	if found, err := checkpoint.Resolve(dir); err != nil || found.Path != checkpoint.StepPath(dir, 2) {
		t.Errorf("best is %s, %v", found.Path, err)
	}
}
