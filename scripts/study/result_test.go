package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func aResult(seed uint64) result {
	return result{
		identity: identity{Side: sideOurs, Settings: map[string]string{"loss": "supcon", "batch_size": "256"}, Subset: 40, Seed: seed},
		Images:   40, TestImages: 20, Format: "jpg", Commands: []string{"supcon train --data=$DATA/train"},
		Commit: "0123456789ab+changes", Finished: time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC), Branch: "avx512", Threads: 2,
		Steps: 8, TrainS: 1.5, WallS: 2.5, Loss: 4.2, Top1: 50, CI95: [2]float64{29.9, 70.1}, KNNTop1: 45,
	}
}

func TestResultsComeBackAsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.jsonl")
	var want []result
	for seed := range uint64(3) {
		want = append(want, aResult(seed+1))
		if err := appendResult(path, want[seed]); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readResults(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Error(diff)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("%d files, want the one", len(left))
	}
}

func TestWrongResultsAreRefused(t *testing.T) {
	cases := []struct {
		name, says string
		change     func(r *result)
	}{
		{"side", "side", func(r *result) { r.Side = "jax" }},
		{"no seed", "seed", func(r *result) { r.Seed = 0 }},
		{"unknown setting", `no setting "los"; did you mean "loss"?`, func(r *result) { r.Settings = map[string]string{"los": "supcon"} }},
		{"other subset", "images", func(r *result) { r.Images = 50 }},
		{"no command", "commands", func(r *result) { r.Commands = nil }},
		{"commit", "commit", func(r *result) { r.Commit = "main" }},
		{"no threads", "threads", func(r *result) { r.Threads = 0 }},
		{"shorter than its part", "wall_s", func(r *result) { r.WallS = 1 }},
		{"outside its interval", "ci95", func(r *result) { r.CI95[1] = 49 }},
		{"no kNN", "knn_top1", func(r *result) { r.KNNTop1 = 0 }},
	}
	for _, c := range cases {
		r := aResult(1)
		c.change(&r)
		err := appendResult(filepath.Join(t.TempDir(), "results.jsonl"), r)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
}

func TestDamagedResultFilesAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.jsonl")
	if err := appendResult(path, aResult(1)); err != nil {
		t.Fatal(err)
	}
	line, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for says, text := range map[string][]byte{
		"line 2: unexpected EOF":          append(bytes.Clone(line), line[:len(line)/2]...),
		"line 2: the same run as line 1":  append(bytes.Clone(line), line...),
		`line 1: json: unknown field "x"`: append([]byte(`{"x":1,`), line[1:]...),
		"line 1: EOF":                     append([]byte("\n"), line...),
	} {
		if err := os.WriteFile(path, text, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := readResults(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}
