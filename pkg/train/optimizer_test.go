package train

import (
	"path/filepath"
	"strings"
	"testing"

	"supcon/pkg/checkpoint"
	"supcon/pkg/config"
	"supcon/pkg/optim"
	"supcon/pkg/runlog"
)

// metric returns a number of each step of a run.
func metric(t *testing.T, dir, name string) []float64 {
	t.Helper()
	var values []float64
	err := runlog.ReadMetrics(filepath.Join(dir, runlog.MetricsFile), func(r runlog.Record) error {
		if v, ok := r.Numbers[name]; ok {
			values = append(values, v)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// Each optimiser learns, and its checkpoint holds its state by PyTorch's names.
func TestOptimizersTrain(t *testing.T) {
	data := shapes(t, 8)
	for optimizer, c := range map[string]struct {
		lr    float64
		array string
	}{"sgd": {0.05, "momentum_buffer"}, "adamw": {0.001, "exp_avg_sq"}, "lars": {5, "momentum_buffer"}} {
		cfg := quick(data)
		cfg.Optimizer, cfg.LR, cfg.Loss, cfg.Views, cfg.Epochs = optimizer, c.lr, "crossentropy", 1, 6
		dir, result := run(t, cfg, &watcher{})
		if losses := metric(t, dir, "loss"); !(result.Loss < losses[0]) {
			t.Errorf("%s: loss %v at first, %v in the last epoch", optimizer, losses[0], result.Loss)
		}
		file, err := checkpoint.Load(result.Checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		names, count := map[string]bool{}, -1
		for _, tensor := range file.Tensors {
			names[tensor.Name] = true
			if tensor.Name == "optimizer.step" {
				count = int(tensor.Data[0])
			}
		}
		if want := "optimizer.encoder.conv1.weight." + c.array; !names[want] {
			t.Errorf("%s: no %s among %d tensors", optimizer, want, len(names))
		}
		if (optimizer == "adamw") != (count == result.Steps) {
			t.Errorf("%s: %d updates counted in %d steps", optimizer, count, result.Steps)
		}
	}
}

// Clipping changes the update; the metrics tell the norm before it.
func TestMetricsTellTheNormBeforeClipping(t *testing.T) {
	cfg := quick(shapes(t, 8))
	cfg.Steps = 2
	free, _ := run(t, cfg, &watcher{})
	cfg.ClipNorm = 1e-4
	clipped, _ := run(t, cfg, &watcher{})
	a, b := metric(t, free, "grad_norm"), metric(t, clipped, "grad_norm")
	if a[0] != b[0] || a[0] <= cfg.ClipNorm {
		t.Errorf("norm of the first step %v, clipped at %g %v; want the same", a[0], cfg.ClipNorm, b[0])
	}
	if a[1] == b[1] {
		t.Errorf("norm of the second step %v with and without clipping", a[1])
	}
}

func TestFallThatNeverHappensIsNoted(t *testing.T) {
	cfg := quick(shapes(t, 8))
	cfg.Schedule, cfg.DecayEpochs = "step", "1,2"
	w := &watcher{}
	dir, _ := run(t, cfg, w)
	if notes := strings.Join(w.overview.Notes, "\n"); !strings.Contains(notes, "after epoch 2, which the run of 8 steps of 4 an epoch does not reach") {
		t.Errorf("notes %q", notes)
	}
	if lr := metric(t, dir, "lr"); lr[3] != 0.05 || lr[4] > 0.0051 || lr[7] != lr[4] {
		t.Errorf("learning rates %v", lr)
	}
	for steps, late := range map[int]bool{20: false, 8: true, 9: false, 0: false} {
		s := optim.Schedule{Name: "step", Steps: steps, PerEpoch: 4, DecayEpochs: []int{1, 2}}
		if (lateFall(s) != "") != late {
			t.Errorf("%d steps: note %q", steps, lateFall(s))
		}
	}
	if note := lateFall(config.Default().LearningRates(8, 0, 4)); note != "" {
		t.Errorf("without falls: %q", note)
	}
}
