package train

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"supcon/pkg/checkpoint"
	"supcon/pkg/config"
	"supcon/pkg/fault"
)

// ticking is a clock that goes on by a tick whenever it is looked at.
type ticking struct {
	now  time.Time
	tick time.Duration
}

func (c *ticking) Now() time.Time {
	c.now = c.now.Add(c.tick)
	return c.now
}

// Minutes become steps that end within them; what is timed for it leaves no trace
// in the run.
func TestMinutesBecomeSteps(t *testing.T) {
	data := shapes(t, 8)
	for name, change := range map[string]func(*config.Run){
		"plain":         func(r *config.Run) { r.Optimizer = "adamw" },
		"average":       func(r *config.Run) { r.EMA, r.Nesterov, r.CacheMem = 0.9, true, 0 },
		"no validation": func(r *config.Run) { r.ValFraction, r.CheckpointEverySteps, r.CheckpointEveryMinutes = 0, 2, 0.3 },
		"sizes": func(r *config.Run) {
			r.WarmupEpochs, r.KNNEveryEpochs, r.EarlySizes, r.Init = 1, 1, "8:0.4,12:0.6", config.Whitened
		},
	} {
		cfg := quick(data)
		change(&cfg)
		cfg.Minutes = 3
		clock := &ticking{time.Unix(1e9, 0), 4 * time.Second}
		began := clock.now
		w := &watcher{}
		dir := filepath.Join(t.TempDir(), "run")
		trainer, err := New(context.Background(), cfg, Options{Out: dir, Observer: w, Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		result, err := trainer.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if took := clock.now.Sub(began); took > 3*time.Minute || took < 90*time.Second || result.Interrupted {
			t.Errorf("%s: the run of three minutes took %v: %+v", name, took, result)
		}
		if notes := strings.Join(w.overview.Notes, "\n"); !strings.Contains(notes, "3 minutes are ") || w.overview.TotalSteps != result.Steps {
			t.Errorf("%s: %d steps of %d; the user is told %q", name, result.Steps, w.overview.TotalSteps, notes)
		}

		again := config.Default()
		keys, err := config.Load(filepath.Join(dir, checkpoint.ConfigName), &again)
		if err != nil || again.Steps != result.Steps || again.Minutes != 0 || slices.Contains(keys, "minutes") {
			t.Fatalf("%s: config.yaml has %d steps and %g minutes, %v", name, again.Steps, again.Minutes, err)
		}
		repeated, _ := run(t, again, &watcher{})
		if !bytes.Equal(lastBytes(t, dir), lastBytes(t, repeated)) {
			t.Errorf("%s: the same number of steps gives other bytes", name)
		}
	}
}

func TestMinutesTooFew(t *testing.T) {
	cfg := quick(shapes(t, 8))
	cfg.Minutes = 1
	parent := t.TempDir()
	_, err := New(context.Background(), cfg, Options{Out: filepath.Join(parent, "run"), Observer: &watcher{}, Clock: &ticking{time.Unix(1e9, 0), 20 * time.Second}})
	if fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), "setting up took") || !strings.Contains(err.Error(), "1 minutes") {
		t.Errorf("error %v, want a usage error", err)
	}
	if left, _ := os.ReadDir(parent); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// Where the run cannot be made, that is said before anything is timed.
func TestMinutesIntoAnExistingDirectory(t *testing.T) {
	cfg := quick(shapes(t, 8))
	cfg.Minutes = 1
	out := t.TempDir()
	_, err := New(context.Background(), cfg, Options{Out: out, Observer: &watcher{}})
	if fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), out+" exists already") {
		t.Errorf("error %v, want a usage error", err)
	}
}

func TestMinutesAreInterrupted(t *testing.T) {
	cfg := quick(shapes(t, 8))
	cfg.Minutes = 60
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	parent := t.TempDir()
	if _, err := New(ctx, cfg, Options{Out: filepath.Join(parent, "run"), Observer: &watcher{}}); err == nil {
		t.Error("a cancelled set-up went on")
	}
	if left, _ := os.ReadDir(parent); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// inTwoSizes are the phases of a run that has views of 8 px at first, then of 16.
func inTwoSizes(steps int) []config.Phase {
	phases, err := config.Run{ImageSize: 16, EarlySizes: "8:0.4"}.Phases(steps)
	if err != nil {
		panic(err)
	}
	return phases
}

// The number of steps is the greatest that fits, or 1.
func TestStepsThatFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		time := rapid.Float64Range(0.01, 3)
		every := rapid.IntRange(1, 40)
		c := costs{
			phases: inTwoSizes, step: map[int]float64{8: time.Draw(t, "small"), 16: time.Draw(t, "large")},
			decoding: time.Draw(t, "decoding"), decodingSteps: every.Draw(t, "decodingSteps"),
			validation: time.Draw(t, "validation"), save: time.Draw(t, "save"), saveEvery: every.Draw(t, "saveEvery"),
		}
		if rapid.Bool().Draw(t, "validated") {
			c.validateEvery = every.Draw(t, "validateEvery")
		}
		if rapid.Bool().Draw(t, "timer") {
			c.saveSeconds = 10 * time.Draw(t, "saveSeconds")
		}
		within := rapid.Float64Range(0, 100).Draw(t, "within")
		n := c.steps(within)
		if n < 1 || n > 1 && c.of(n) > within || c.of(n+1) <= within {
			t.Fatalf("%d steps take %g and one more %g, within %g", n, c.of(n), c.of(n+1), within)
		}
	})
	c := costs{phases: inTwoSizes, step: map[int]float64{8: 1, 16: 3}, decoding: 0.5, decodingSteps: 10, validation: 5, validateEvery: 20, save: 7, saveEvery: 10}
	if got := c.of(25); got != 10*1+15*3+5+2*5+3*7 {
		t.Errorf("25 steps take %g", got)
	}
	c.saveSeconds = 14
	if got := c.of(25); got != 1.5*(10*1+15*3+5+2*5+3*7) {
		t.Errorf("25 steps with a checkpoint every two of its own times take %g", got)
	}
	if n := (costs{phases: inTwoSizes, step: map[int]float64{8: 0, 16: 0}, saveEvery: 10}).steps(60); n < 1 {
		t.Errorf("%d steps by a clock that stands still", n)
	}
}
