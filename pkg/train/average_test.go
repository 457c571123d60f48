package train

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"supcon/pkg/checkpoint"
	"supcon/pkg/config"
	"supcon/pkg/fault"
	"supcon/pkg/infer"
)

// load reads a run's checkpoint of a step.
func load(t *testing.T, dir string, step int) *checkpoint.File {
	t.Helper()
	file, err := checkpoint.Load(checkpoint.StepPath(dir, step))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// modelTensors are those of a checkpoint that have no prefix.
func modelTensors(file *checkpoint.File) []checkpoint.Tensor {
	var own []checkpoint.Tensor
	for _, s := range file.Tensors {
		if !strings.HasPrefix(s.Name, optimizerPrefix) && !strings.HasPrefix(s.Name, trainedPrefix) {
			own = append(own, s)
		}
	}
	return own
}

// The model of each checkpoint is the average of the weights and statistics of
// all steps before it, as float64 computes it; the weights in training are those
// of a run without an average.
func TestCheckpointsHoldTheAverage(t *testing.T) {
	cfg := quick(shapes(t, 8))
	cfg.CheckpointEverySteps, cfg.Init = 1, config.Whitened
	plain, _ := run(t, cfg, &watcher{})
	beginning := cfg
	beginning.Epochs = 0
	untrained, _ := run(t, beginning, &watcher{})
	cfg.EMA = 0.4 // reached within the run
	averaged, result := run(t, cfg, &watcher{})

	want := map[string][]float64{}
	for _, s := range modelTensors(load(t, untrained, 0)) {
		for _, v := range s.Data {
			want[s.Name] = append(want[s.Name], float64(v))
		}
	}
	decays := []float64{2. / 11, 3. / 12, 4. / 13, 5. / 14, 0.4, 0.4, 0.4, 0.4}
	for step := 1; step <= result.Steps; step++ {
		file := load(t, averaged, step)
		trained := under(trainedPrefix, file.Tensors)
		if !reflect.DeepEqual(trained, modelTensors(load(t, plain, step))) {
			t.Fatalf("step %d: the weights in training are not those of a run without ema", step)
		}
		for _, s := range trained {
			d := decays[step-1]
			for i, v := range s.Data {
				want[s.Name][i] = d*want[s.Name][i] + (1-d)*float64(v)
			}
		}
		for _, s := range modelTensors(file) {
			if s.Ints != nil && s.Ints[0] != int64(step) {
				t.Fatalf("step %d: %s is %d", step, s.Name, s.Ints[0])
			}
			for i, v := range s.Data {
				if w := want[s.Name][i]; !(math.Abs(float64(v)-w) <= 1e-6*max(1, math.Abs(w))) {
					t.Fatalf("step %d: %s[%d] is %g, want %g", step, s.Name, i, v, w)
				}
			}
		}
	}
}

func TestAverageDecayBeginsLow(t *testing.T) {
	for step, want := range map[int]float64{0: 2. / 11, 7: 9. / 18, 1000: 1002. / 1011, 100000: 0.999} {
		if got := averageDecay(0.999, step); got != want {
			t.Errorf("after %d steps %g, want %g", step, got, want)
		}
	}
	if got := averageDecay(0.1, 0); got != 0.1 {
		t.Errorf("decay %g, want that of the settings", got)
	}
}

// Weights, statistics and the optimiser's state do not depend on how often they
// were scored.
func TestValidationDoesNotDisturbTraining(t *testing.T) {
	cfg := quick(shapes(t, 8))
	for _, cfg.EMA = range []float64{0, 0.9} {
		cfg.KNNEveryEpochs = 1
		often, w := &watcher{}, &watcher{}
		a, result := run(t, cfg, often)
		cfg.KNNEveryEpochs = 100
		b, _ := run(t, cfg, w)
		if len(often.validated) != 2 || len(w.validated) != 1 || often.validated[1] != w.validated[0] {
			t.Errorf("ema %g: scores %v and %v; want one more where asked for, and the same in the end", cfg.EMA, often.validated, w.validated)
		}
		if !reflect.DeepEqual(load(t, a, result.Steps).Tensors, load(t, b, result.Steps).Tensors) {
			t.Errorf("ema %g: the tensors differ", cfg.EMA)
		}
	}
}

// What is validated are the vectors that a user of the checkpoint gets.
func TestTheAverageIsWhatIsValidated(t *testing.T) {
	cfg := quick(shapes(t, 8))
	cfg.EMA = 0.9
	dir, result := run(t, cfg, &watcher{})
	trainer, err := Resume(t.Context(), dir, Options{Observer: &watcher{}})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	validated, err := trainer.encoder.Collect(t.Context(), trainer.data.held, 0)
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := infer.Open(trainer.engine, checkpoint.StepPath(dir, result.Steps), infer.Options{Layer: infer.EncoderLayer})
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	users, err := encoder.Collect(t.Context(), trainer.data.held, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(validated.Vectors, users.Vectors) {
		t.Error("validation sees other vectors than those of the checkpoint")
	}
}

func TestACheckpointWithoutAverageIsNamed(t *testing.T) {
	cfg := quick(shapes(t, 8))
	dir, _ := run(t, cfg, &watcher{})
	withoutSettings(t, dir)
	edit(t, dir, "ema: 0.0", "ema: 0.9")
	_, err := Resume(t.Context(), dir, Options{Observer: &watcher{}})
	if fault.Of(err) != fault.Checkpoint || !strings.Contains(err.Error(), "made without ema") {
		t.Errorf("error %v, want a checkpoint error that says what to do", err)
	}
}
