package train

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"supcon/pkg/checkpoint"
	"supcon/pkg/config"
	"supcon/pkg/dataset"
	"supcon/pkg/fault"
	"supcon/pkg/runlog"
)

// watcher records what an observer is told and may act on a step.
type watcher struct {
	overview  Overview
	steps     []Progress
	validated []float64
	saved     []string
	notes     []string
	onStep    func(step int)
}

func (w *watcher) Started(o Overview) { w.overview = o }
func (w *watcher) Stepped(p Progress) {
	w.steps = append(w.steps, p)
	if w.onStep != nil {
		w.onStep(p.Step)
	}
}
func (w *watcher) Validated(_ int, knnTop1 float64, _ bool) {
	w.validated = append(w.validated, knnTop1)
}
func (w *watcher) Saved(path string) { w.saved = append(w.saved, path) }
func (w *watcher) Noted(text string) { w.notes = append(w.notes, text) }

// shapes makes a small image folder and returns its training part.
func shapes(t *testing.T, perClass int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shapes")
	if err := dataset.Synth(dir, 1, dataset.SynthOptions{Train: perClass, Test: 1}); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "train")
}

// quick is a run of two epochs of four steps.
func quick(data string) config.Run {
	r := config.Default()
	r.Data, r.Model, r.ImageSize, r.ProjDim = data, "small", 16, 8
	r.Epochs, r.BatchSize, r.LR, r.Keep = 2, 16, 0.05, 100
	return r
}

// run trains cfg to its end and returns the run directory.
func run(t *testing.T, cfg config.Run, w *watcher) (string, Result) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	trainer, err := New(context.Background(), cfg, Options{Out: dir, Observer: w})
	if err != nil {
		t.Fatal(err)
	}
	result, err := trainer.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return dir, result
}

// lastBytes returns the newest checkpoint of a run.
func lastBytes(t *testing.T, dir string) []byte {
	t.Helper()
	found, err := checkpoint.ResolveLast(dir)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(found.Path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSameConfigurationGivesTheSameBytes(t *testing.T) {
	cfg := quick(shapes(t, 8))
	cfg.Threads, cfg.Workers = 1, 1
	first, _ := run(t, cfg, &watcher{})
	want := lastBytes(t, first)
	for _, threads := range []int{1, 2, 3} {
		cfg.Threads, cfg.Workers = threads, threads+1
		again, _ := run(t, cfg, &watcher{})
		if !bytes.Equal(want, lastBytes(t, again)) {
			t.Errorf("%d threads and %d workers: the checkpoint's bytes differ", threads, threads+1)
		}
	}
	cfg.Seed++
	other, _ := run(t, cfg, &watcher{})
	if bytes.Equal(want, lastBytes(t, other)) {
		t.Error("another seed gives the same bytes")
	}
}

// A run that is stopped, once within an epoch and once at its end, and resumed
// ends in the bytes of one that was not, with the same lines of metrics.
func TestResumedRunEndsInTheSameBytes(t *testing.T) {
	data := shapes(t, 8)
	for _, change := range []func(*config.Run){
		func(*config.Run) {},
		func(r *config.Run) { r.Loss, r.CheckpointEverySteps = "supcon-in", 3 },
		func(r *config.Run) { r.Loss, r.Unlabelled, r.Views = "simclr", true, 3 },
		func(r *config.Run) { r.Loss, r.Views, r.Nesterov, r.KNNEveryEpochs = "crossentropy", 1, true, 1 },
		func(r *config.Run) { r.Optimizer, r.LR, r.ClipNorm, r.BiasLR, r.Restarts = "adamw", 1e-3, 0.5, 2, 1 },
		func(r *config.Run) { r.Optimizer, r.LR, r.Schedule, r.WarmupEpochs = "lars", 0.3, "linear", 1 },
		func(r *config.Run) { r.Schedule, r.DecayEpochs, r.DecayAll = "step", "1", true },
		func(r *config.Run) { r.EarlySizes, r.Init, r.Head = "8:0.3,12:0.6", config.Whitened, "mlp-bn" },
	} {
		cfg := quick(data)
		change(&cfg)
		whole, _ := run(t, cfg, &watcher{})
		for _, stop := range []int{3, 4} {
			dir := filepath.Join(t.TempDir(), "run")
			ctx, cancel := context.WithCancel(context.Background())
			trainer, err := New(ctx, cfg, Options{Out: dir, Observer: &watcher{onStep: func(step int) {
				if step == stop {
					cancel()
				}
			}}})
			if err != nil {
				t.Fatal(err)
			}
			stopped, err := trainer.Run(ctx)
			if err != nil || !stopped.Interrupted || stopped.Steps != stop {
				t.Fatalf("%s: stopped run: %+v, %v; want an interruption after step %d", cfg.Loss, stopped, err, stop)
			}
			trainer, err = Resume(context.Background(), dir, Options{Observer: &watcher{}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := trainer.Run(context.Background()); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(lastBytes(t, whole), lastBytes(t, dir)) {
				t.Errorf("%s stopped after step %d: the checkpoint's bytes differ", cfg.Loss, stop)
			}
			if a, b := metricSteps(t, whole), metricSteps(t, dir); a != b {
				t.Errorf("%s stopped after step %d: metrics have steps %s, want %s", cfg.Loss, stop, b, a)
			}
		}
	}
}

// metricSteps spells the lines of a run's metrics: s for a step, e for a score.
func metricSteps(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := runlog.ReadMetrics(filepath.Join(dir, runlog.MetricsFile), func(r runlog.Record) error {
		kind := "s"
		if _, ok := r.Numbers["eval/knn_top1"]; ok {
			kind = "e"
		}
		b.WriteString(kind + string(rune('0'+r.Step)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRunDirectoryRepeatsTheRun(t *testing.T) {
	cfg := quick(shapes(t, 8))
	cfg.LR, cfg.WarmupEpochs, cfg.ImageSize = 0, -1, 0 // automatic
	first, result := run(t, cfg, &watcher{})
	again := config.Default()
	if _, err := config.Load(filepath.Join(first, checkpoint.ConfigName), &again); err != nil {
		t.Fatal(err)
	}
	if again.LR == 0 || again.WarmupEpochs < 0 || again.ImageSize != 32 || again.Recipe != "cifar" {
		t.Errorf("config.yaml leaves settings open: %+v", again)
	}
	second, _ := run(t, again, &watcher{})
	if !bytes.Equal(lastBytes(t, first), lastBytes(t, second)) {
		t.Error("training from a run's config.yaml gives other bytes")
	}
	if result.Checkpoint != checkpoint.StepPath(first, result.Steps) {
		t.Errorf("result names %s", result.Checkpoint)
	}
}

func TestZeroEpochsWriteTheUntrainedEncoder(t *testing.T) {
	cfg := quick(shapes(t, 4))
	cfg.Epochs = 0
	w := &watcher{}
	dir, result := run(t, cfg, w)
	if result.Steps != 0 || result.Checkpoint != checkpoint.StepPath(dir, 0) || len(w.validated) != 1 || len(w.saved) != 1 {
		t.Errorf("result %+v, validated %v, saved %v; want one checkpoint of step 0 and its score", result, w.validated, w.saved)
	}
}

func TestStepsAreALengthToo(t *testing.T) {
	cfg := quick(shapes(t, 8))
	cfg.Steps, cfg.CheckpointEverySteps, cfg.Keep = 7, 2, 2
	w := &watcher{}
	dir, result := run(t, cfg, w)
	if result.Steps != 7 || len(w.steps) != 7 || w.steps[6].LR >= w.steps[5].LR {
		t.Errorf("%d steps, observed %d, last rates %v and %v", result.Steps, len(w.steps), w.steps[5].LR, w.steps[6].LR)
	}
	if steps, err := checkpoint.Steps(dir); err != nil || len(steps) != 2 || steps[1] != 7 {
		t.Errorf("kept checkpoints %v, %v; want two, the last of step 7", steps, err)
	}
}

func TestBestFollowsTheValidation(t *testing.T) {
	cfg := quick(shapes(t, 16))
	cfg.KNNEveryEpochs, cfg.Epochs = 1, 4
	w := &watcher{}
	dir, result := run(t, cfg, w)
	bestEpoch := 0
	for i, score := range w.validated {
		if score > w.validated[bestEpoch] {
			bestEpoch = i
		}
	}
	found, err := checkpoint.Resolve(dir)
	if err != nil {
		t.Fatal(err)
	}
	perEpoch := w.overview.TotalSteps / 4
	if want := checkpoint.StepPath(dir, (bestEpoch+1)*perEpoch); found.Path != want || len(w.validated) != 4 {
		t.Errorf("best is %s after scores %v, want %s", found.Path, w.validated, want)
	}
	if *result.ValKNNTop1 != w.validated[3] {
		t.Errorf("result's score %v, want the last, %v", *result.ValKNNTop1, w.validated[3])
	}
}

func TestRefusals(t *testing.T) {
	data := shapes(t, 4)
	oneClass := filepath.Join(t.TempDir(), "one")
	if err := os.MkdirAll(oneClass, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(oneClass, "ring"), os.DirFS(filepath.Join(data, "ring"))); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]struct {
		kind   fault.Kind
		change func(*config.Run)
	}{
		"no folder":                  {fault.Data, func(r *config.Run) { r.Data += "x" }},
		"holds one class only":       {fault.Data, func(r *config.Run) { r.Data = oneClass }},
		"only 36 images to train on": {fault.Usage, func(r *config.Run) { r.BatchSize = 37 }},
		`did you mean "resnet18"?`:   {fault.Usage, func(r *config.Run) { r.Model = "resnet19" }},
		"views is 1":                 {fault.Usage, func(r *config.Run) { r.Loss, r.Views = "simclr", 1 }},
		"at least 4 pixels":          {fault.Usage, func(r *config.Run) { r.ImageSize = 2 }},
		"temperature is 0":           {fault.Usage, func(r *config.Run) { r.Temperature = 0 }},
		"unknown to training":        {fault.Data, func(r *config.Run) { r.Val = filepath.Dir(data) }},
		"exists already":             {fault.Usage, func(*config.Run) {}},
	} {
		cfg := quick(data)
		c.change(&cfg)
		out := filepath.Join(t.TempDir(), "run")
		if want == "exists already" {
			if err := os.Mkdir(out, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		_, err := New(context.Background(), cfg, Options{Out: out, Observer: &watcher{}})
		if err == nil || !strings.Contains(err.Error(), want) || fault.Of(err) != c.kind {
			t.Errorf("error %v of kind %d, want %q of kind %d", err, fault.Of(err), want, c.kind)
		}
		if entries, _ := os.ReadDir(filepath.Dir(out)); want != "exists already" && len(entries) > 0 {
			t.Errorf("%s: left %v", want, entries)
		}
	}
}

func TestSecondTrainerOnARunIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	trainer, err := New(context.Background(), quick(shapes(t, 4)), Options{Out: dir, Observer: &watcher{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(context.Background(), dir, Options{Observer: &watcher{}}); fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), "another process") {
		t.Errorf("second trainer: %v, want a usage error", err)
	}
	if err := trainer.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Resume(context.Background(), dir, Options{Observer: &watcher{}})
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	if _, err := again.Run(context.Background()); err != nil {
		t.Errorf("a run without a checkpoint resumes from step 0: %v", err)
	}
}

func TestResumeRefusesOtherImages(t *testing.T) {
	data := shapes(t, 8)
	dir, _ := run(t, quick(data), &watcher{})
	if err := os.Remove(filepath.Join(data, "star", "0003.jpg")); err != nil {
		t.Fatal(err)
	}
	_, err := Resume(context.Background(), dir, Options{Observer: &watcher{}})
	if fault.Of(err) != fault.Data || !strings.Contains(err.Error(), "no longer those") {
		t.Errorf("resume on other images: %v, want a data error", err)
	}
}

func TestUnreadableImagesAreNamedSkippedAndCounted(t *testing.T) {
	data := shapes(t, 8)
	for _, name := range []string{"star/0000.jpg", "ring/0005.jpg"} {
		if err := os.WriteFile(filepath.Join(data, name), []byte("\xff\xd8\xff\xe0 cut"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(data, "star", "notes.txt"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg := quick(data)
	cfg.ValFraction = 0
	w := &watcher{}
	dir, result := run(t, cfg, w)
	all := strings.Join(append(w.notes, w.overview.Notes...), "\n")
	for _, want := range []string{"star/0000.jpg", "ring/0005.jpg", "notes.txt"} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not named in\n%s", want, all)
		}
	}
	if result.Skipped != 2 {
		t.Errorf("%d skipped, want 2", result.Skipped)
	}
	metrics, err := os.ReadFile(filepath.Join(dir, runlog.MetricsFile))
	if err != nil || !strings.Contains(string(metrics), `"skipped_images":2`) {
		t.Errorf("%v; skipped images are not counted in\n%s", err, metrics)
	}

	cfg.OnBadImage = config.FailBad
	_, err = New(context.Background(), cfg, Options{Out: filepath.Join(t.TempDir(), "run"), Observer: w})
	if fault.Of(err) != fault.Data || !strings.Contains(err.Error(), "ring/0005.jpg") {
		t.Errorf("on_bad_image fail: %v, want a data error naming the first", err)
	}
}

// A validation image that cannot be read is named and counted, or ends the run.
func TestUnreadableValidationImages(t *testing.T) {
	cfg := quick(shapes(t, 8))
	cfg.Val = shapes(t, 4)
	if err := os.WriteFile(filepath.Join(cfg.Val, "star", "0000.jpg"), []byte("\xff\xd8\xff\xe0 cut"), 0o644); err != nil {
		t.Fatal(err)
	}
	w := &watcher{}
	if _, result := run(t, cfg, w); result.Skipped != 1 || !strings.Contains(strings.Join(w.notes, "\n"), "validation goes without 1 of 40 images") {
		t.Errorf("%d skipped, notes %q", result.Skipped, w.notes)
	}
	cfg.OnBadImage = config.FailBad
	trainer, err := New(context.Background(), cfg, Options{Out: filepath.Join(t.TempDir(), "run"), Observer: w})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trainer.Run(context.Background()); fault.Of(err) != fault.Data || !strings.Contains(err.Error(), "star/0000.jpg") {
		t.Errorf("on_bad_image fail: %v, want a data error naming it", err)
	}
}

func TestDivergingRunStopsBeforeTheWeightsChange(t *testing.T) {
	cfg := quick(shapes(t, 8))
	cfg.LR, cfg.Momentum, cfg.Loss, cfg.Views, cfg.CheckpointEverySteps = 1e30, 0, "crossentropy", 1, 1
	dir := filepath.Join(t.TempDir(), "run")
	trainer, err := New(context.Background(), cfg, Options{Out: dir, Observer: &watcher{}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = trainer.Run(context.Background())
	if err == nil || !strings.Contains(err.Error(), "try a lower --lr") || fault.Of(err) != fault.Job {
		t.Fatalf("error %v, want the run stopped", err)
	}
	file, err := checkpoint.Load(checkpoint.StepPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	if file.Meta.Step != 1 {
		t.Errorf("last checkpoint of step %d", file.Meta.Step)
	}
}
