package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the repository, seen from this folder.
const root = "../.."

// theStudies loads every study of the repository.
func theStudies(t *testing.T) []study {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "configs", "study", "*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d studies, %v", len(paths), err)
	}
	studies, err := loadStudies(paths)
	if err != nil {
		t.Fatal(err)
	}
	return studies
}

func TestTheStudies(t *testing.T) {
	runs, distinct := map[string]int{}, map[string]bool{}
	for _, s := range theStudies(t) {
		for _, j := range s.jobs(sideOurs) {
			runs[s.name]++
			if cfg := j.variant.cfg; s.Subset > 0 {
				distinct[j.key()] = true
				if seen := cfg.Steps * cfg.BatchSize * cfg.Views; seen != 204_800 {
					t.Errorf("%s, %s sees %d views", s.name, j.variant.label(), seen)
				}
			}
		}
	}
	for name, want := range map[string]int{"loss": 12, "temperature": 15, "batch": 15, "views": 6, "augmentation": 6, "parity": 15} {
		if runs[name] != want {
			t.Errorf("%s has %d runs, want %d", name, runs[name], want)
		}
	}
	// The five axes cross in one point, SupCon as the base has it.
	if want := 12 + 15 + 15 + 6 + 6 - 4*3; len(distinct) != want {
		t.Errorf("%d distinct runs, want %d", len(distinct), want)
	}
}

// writeStudy makes a study of the text and a base beside it.
func writeStudy(t *testing.T, base, text string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "tiny.yaml")
	for name, text := range map[string]string{path: text, filepath.Join(dir, "base.yaml"): base} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestWrongStudiesAreRefused(t *testing.T) {
	const good, parity = "batch_size: 64\n", "batch_size: 64\nlr: 0.05\nimage_size: 32\nwarmup_epochs: 0\nval_fraction: 0\n"
	cases := []struct{ name, base, study, says string }{
		{"no title", good, "base: base.yaml\nseeds: 1\nruns: [{views: 2}]", "needs title"},
		{"no runs", good, "title: x\nbase: base.yaml\nseeds: 1", "needs title"},
		{"unknown field", good, "title: x\nbase: base.yaml\nseeds: 1\nseds: 2\nruns: [{views: 2}]", "seds"},
		{"missing base", good, "title: x\nbase: other.yaml\nseeds: 1\nruns: [{views: 2}]", "other.yaml"},
		{"wrong base", "batchsize: 64", "title: x\nbase: base.yaml\nseeds: 1\nruns: [{views: 2}]", `unknown key "batchsize"`},
		{"unknown setting", good, "title: x\nbase: base.yaml\nseeds: 1\nruns: [{vews: 2}]", "--vews"},
		{"wrong value", good, "title: x\nbase: base.yaml\nseeds: 1\nruns: [{loss: supercon}]", `unknown loss "supercon"`},
		{"a seed", good, "title: x\nbase: base.yaml\nseeds: 1\nruns: [{seed: 2}]", "seed is not for a study"},
		{"no whole steps", good, "title: x\nbase: base.yaml\nseeds: 1\nviews_seen: 1000\nruns: [{views: 2}]", "no multiple"},
		{"peer on a subset", parity, "title: x\nbase: base.yaml\nseeds: 1\npeer: true\nimages: 100\nruns: [{recipe: cifar}]", "trains on all images"},
		{"peer with other views", parity, "title: x\nbase: base.yaml\nseeds: 1\npeer: true\nruns: [{recipe: cifar, views: 3}]", "two views"},
		{"peer with another loss", parity, "title: x\nbase: base.yaml\nseeds: 1\npeer: true\nruns: [{recipe: cifar, loss: supcon-in}]", "the base differs"},
	}
	for _, c := range cases {
		_, err := loadStudies([]string{writeStudy(t, c.base, c.study)})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
	if _, err := loadStudies([]string{writeStudy(t, parity, "title: x\nbase: base.yaml\nseeds: 1\npeer: true\nruns: [{recipe: cifar}]")}); err != nil {
		t.Errorf("a good study with a peer: %v", err)
	}
}
