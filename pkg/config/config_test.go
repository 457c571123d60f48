package config

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"supcon/pkg/fault"
)

// fromArgs reads settings as the command does, with file as --config if not "".
func fromArgs(t *testing.T, file string, args ...string) (Run, error) {
	t.Helper()
	path := ""
	if file != "" {
		path = filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(path, []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := Default()
	flags := pflag.NewFlagSet("train", pflag.ContinueOnError)
	AddFlags(flags, &r)
	if err := flags.Parse(args); err != nil {
		return r, err
	}
	err := FromCommandLine(flags, path, &r)
	return r, err
}

func TestPrecedenceIsDefaultThenFileThenFlag(t *testing.T) {
	r, err := fromArgs(t, "model: small\nbatch_size: 64\nnesterov: true\n", "--batch-size", "32", "--lr=0.2")
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Model, want.BatchSize, want.Nesterov, want.LR = "small", 32, true, 0.2
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
}

func TestFlagEqualToDefaultStillBeatsTheFile(t *testing.T) {
	r, err := fromArgs(t, "momentum: 0.5\n", "--momentum", "0.9")
	if err != nil || r.Momentum != 0.9 {
		t.Errorf("momentum = %v, %v; want 0.9", r.Momentum, err)
	}
}

func TestBadFilesAreExplainedInOneSentence(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"unknown key":   {"model: small\ntemprature: 0.1\n", `line 2: unknown key "temprature"; did you mean "temperature"?`},
		"twice":         {"lr: 1\nlr: 2\n", `lr`},
		"wrong type":    {"batch_size: many\n", `line 1: batch_size: "many": it is not a whole number`},
		"fraction":      {"batch_size: 1.5\n", `batch_size: "1.5": it is not a whole number`},
		"nested":        {"lr:\n  peak: 1\n", `line 1: lr: expected a single value`},
		"list":          {"- lr\n", "expected `key: value` lines"},
		"empty value":   {"lr:\n", `lr: expected a value`},
		"broken syntax": {"lr: [1\n", "["},
		"two lengths":   {"epochs: 3\nsteps: 10\n", "both epochs and steps"},
	} {
		_, err := fromArgs(t, c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %q", name, err, c.want)
		}
		if fault.Of(err) != fault.Usage {
			t.Errorf("%s: kind %v, want Usage", name, fault.Of(err))
		}
	}
}

func TestMissingFileIsAUsageError(t *testing.T) {
	var r Run
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"), &r)
	if fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("error %v, want a usage error naming the file", err)
	}
}

func TestMarshalRoundTrip(t *testing.T) {
	r := Default()
	r.Data, r.Loss, r.LR, r.Seed, r.BaseTemperature = "on: 007 # odd", "simclr", 0.0123456789, 1<<63+5, 0.07
	for i, unit := range lengths {
		r.Steps, r.Minutes = []int{0, 77, 0}[i], []float64{0, 0, 2.5}[i]
		text, err := Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		got := Default()
		if _, err := parse(text, &got); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if diff := cmp.Diff(r, got); diff != "" {
			t.Errorf("%s: %s\n%s", unit, diff, text)
		}
		for _, other := range lengths {
			if strings.Contains(string(text), "\n"+other+": ") != (other == unit) {
				t.Errorf("want the length in %s alone in\n%s", unit, text)
			}
		}
	}
}

func TestBareWordsStayTextInStringKeys(t *testing.T) {
	r := Default()
	if _, err := parse([]byte("data: 007\nval: no\n"), &r); err != nil || r.Data != "007" || r.Val != "no" {
		t.Errorf("data %q, val %q, %v; want the text as written", r.Data, r.Val, err)
	}
}

func TestOneLength(t *testing.T) {
	for _, c := range []struct {
		file, flags   string
		epochs, steps int
		minutes       float64
		want          string // of the error
	}{
		{"steps: 100", "--epochs 2", 2, 0, 0, ""},
		{"minutes: 5", "--epochs 2", 2, 0, 0, ""},
		{"epochs: 3", "--minutes 0.5", 3, 0, 0.5, ""},
		{"steps: 100", "--minutes 7", 100, 0, 7, ""},
		{"minutes: 5", "--steps 9", 100, 9, 0, ""},
		{"epochs: 3\nsteps: 9", "--minutes 7", 3, 0, 7, ""},
		{"epochs: 3\nsteps: 0\nminutes: 0", "", 3, 0, 0, ""},
		{"steps: 100", "--steps 0", 100, 0, 0, ""},
		{"", "--epochs 2 --steps 5", 0, 0, 0, "both epochs and steps"},
		{"", "--minutes 2 --steps 5", 0, 0, 0, "both steps and minutes"},
		{"epochs: 1", "--minutes 2 --epochs 5", 0, 0, 0, "both epochs and minutes"},
		{"minutes: 1\nepochs: 3", "", 0, 0, 0, "both epochs and minutes"},
		{"minutes: 1\nsteps: 3", "", 0, 0, 0, "both steps and minutes"},
	} {
		r, err := fromArgs(t, c.file+"\n", strings.Fields(c.flags)...)
		if c.want != "" {
			if fault.Of(err) != fault.Usage || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q %s: error %v, want a usage error with %q", c.file, c.flags, err, c.want)
			}
			continue
		}
		if r.Epochs != c.epochs || r.Steps != c.steps || r.Minutes != c.minutes || err != nil {
			t.Errorf("%q %s: %d epochs, %d steps, %g minutes, %v; want %+v", c.file, c.flags, r.Epochs, r.Steps, r.Minutes, err, c)
		}
	}
}

func TestValidateNamesKeyValueAndRemedy(t *testing.T) {
	for want, change := range map[string]func(*Run){
		"--data DIR":                       func(r *Run) { r.Data = "" },
		`did you mean "supcon-in"?`:        func(r *Run) { r.Loss = "supcon-inn" },
		"unknown recipe":                   func(r *Run) { r.Recipe = "cifra" },
		"views is 1":                       func(r *Run) { r.Loss, r.Views = "simclr", 1 },
		"temperature is 0;":                func(r *Run) { r.Temperature = 0 },
		"temperature is -1":                func(r *Run) { r.Temperature = -1 },
		"val_fraction is 1;":               func(r *Run) { r.ValFraction = 1 },
		"batch_size is 0":                  func(r *Run) { r.BatchSize = 0 },
		"batch_size is 1, but":             func(r *Run) { r.BatchSize = 1 },
		"use --loss simclr":                func(r *Run) { r.Unlabelled = true },
		"keep is 0; it must be at least 1": func(r *Run) { r.Keep = 0 },
		"ema is 1;":                        func(r *Run) { r.EMA = 1 },
		"ema is NaN;":                      func(r *Run) { r.EMA = math.NaN() },
		"early_stop is -1":                 func(r *Run) { r.EarlyStop = -1 },
		"minutes is -1":                    func(r *Run) { r.Minutes = -1 },
		"both steps and minutes":           func(r *Run) { r.Steps, r.Minutes = 1, 1 },
	} {
		r := Default()
		r.Data = "images"
		change(&r)
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) || fault.Of(err) != fault.Usage {
			t.Errorf("error %v, want a usage error with %q", err, want)
		}
	}
	r := Default()
	r.Data, r.Loss, r.Views, r.Temperature = "images", "crossentropy", 1, 0
	if err := r.Validate(); err != nil {
		t.Errorf("crossentropy with one view: %v", err)
	}
}

func TestResolveAutomatic(t *testing.T) {
	for _, c := range []struct {
		batch, size int
		lr, warmup  float64
		recipe      string
	}{{256, 32, 0.05, 0, "cifar"}, {512, 224, 0.1, 10, "imagenet"}, {128, 64, 0.025, 0, "cifar"}} {
		r := Default()
		r.BatchSize, r.ImageSize = c.batch, c.size
		r.ResolveAutomatic()
		if r.LR != c.lr || r.WarmupEpochs != c.warmup || r.Recipe != c.recipe {
			t.Errorf("batch %d, size %d: lr %v, warm-up %v, recipe %s; want %+v", c.batch, c.size, r.LR, r.WarmupEpochs, r.Recipe, c)
		}
	}
	for optimizer, lr := range map[string]float64{"sgd": 0.025, "adamw": 0.0005, "lars": 0.15} {
		r := Default()
		r.Optimizer, r.BatchSize = optimizer, 128
		if r.ResolveAutomatic(); r.LR != lr {
			t.Errorf("%s: lr %v for a batch of 128, want %v", optimizer, r.LR, lr)
		}
	}
	r := Default()
	r.LR, r.WarmupEpochs, r.ImageSize, r.Recipe = 1, 3, 48, "none"
	want := r
	r.ResolveAutomatic()
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("given settings were changed: %s", diff)
	}
}

func TestOddPathsSurviveTheFile(t *testing.T) {
	for _, path := range []string{"a\nb", "tab\there", "  spaces ", "# hash", "quote\"'s", "ünï/中", "-", "~", "null", "1e3", "a\\b", "\x01", "line\n"} {
		r := Default()
		r.Data = path
		text, err := Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		got := Default()
		if _, err := parse(text, &got); err != nil || got.Data != path {
			t.Errorf("%q came back as %q, %v", path, got.Data, err)
		}
	}
	r := Default()
	r.Data = "bad\xff"
	if err := r.Validate(); fault.Of(err) != fault.Usage || err == nil {
		t.Errorf("a path that is no UTF-8: %v, want a usage error", err)
	}
}
