package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"supcon/pkg/dataset"
)

const tinyBase = "model: small\nimage_size: 32\nrecipe: cifar\nlr: 0.05\nwarmup_epochs: 0\nval_fraction: 0\nbatch_size: 10\n"

// workplace is a folder with images, and the study program's words to use them.
func workplace(t *testing.T) (dir string, common []string) {
	t.Helper()
	dir = t.TempDir()
	if err := dataset.Synth(filepath.Join(dir, "data"), 1, dataset.SynthOptions{Train: 5, Test: 4}); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	return dir, []string{"run", "--data", filepath.Join(dir, "data"), "--work", filepath.Join(dir, "work"), "--results", filepath.Join(dir, "results.jsonl")}
}

func mustRun(t *testing.T, args ...string) (stderr string) {
	t.Helper()
	var log bytes.Buffer
	if code := run(context.Background(), args, &log); code != 0 {
		t.Fatalf("%v: exit code %d\n%s", args, code, log.String())
	}
	return log.String()
}

func mustRead(t *testing.T, path string) []result {
	t.Helper()
	results, err := readResults(path)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func TestRunDoesWhatIsMissing(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program and trains")
	}
	studyFile := writeStudy(t, tinyBase, "title: Tiny\nbase: base.yaml\nimages: 30\nviews_seen: 40\nseeds: 2\nruns: [{loss: supcon}, {loss: crossentropy}]")
	dir, common := workplace(t)
	file := filepath.Join(dir, "results.jsonl")
	args := slices.Concat(common, []string{"--threads", "1", studyFile})
	if log := mustRun(t, args...); !strings.Contains(log, "4 of 4 runs of supcon to do") || !strings.Contains(log, "4 of 4: supcon, tiny, loss crossentropy, seed 2") {
		t.Errorf("it said\n%s", log)
	}
	results := mustRead(t, file)
	if len(results) != 4 {
		t.Fatalf("%d results, want 4", len(results))
	}
	last := results[3]
	if last.Seed != 2 || last.Settings["loss"] != "crossentropy" || last.Settings["steps"] != "2" || last.Steps != 2 ||
		last.Images != 30 || last.TestImages != 40 || last.Format != "jpg" || last.Threads != 1 {
		t.Errorf("the last result is %+v", last)
	}
	train := last.Commands[0]
	for _, part := range []string{"supcon train --config=", "--loss=crossentropy --steps=2 --seed=2 --data=$WORK/train-30.csv --out=$WORK/tiny-2-seed-2"} {
		if !strings.Contains(train, part) {
			t.Errorf("the command is %q, without %q", train, part)
		}
	}

	// Once more: there is nothing to do. With a line lost, one run.
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if log := mustRun(t, args...); log != "study: 0 of 4 runs of supcon to do\n" {
		t.Errorf("it said %q", log)
	}
	lines := bytes.SplitAfter(before, []byte("\n"))
	if err := os.WriteFile(file, bytes.Join(lines[1:], nil), 0o666); err != nil {
		t.Fatal(err)
	}
	if log := mustRun(t, args...); !strings.Contains(log, "1 of 4 runs of supcon to do") {
		t.Errorf("it said %q", log)
	}
	again := mustRead(t, file)[3]
	if first := results[0]; again.key() != first.key() || again.Top1 != first.Top1 || again.KNNTop1 != first.KNNTop1 || again.Loss != first.Loss {
		t.Errorf("the same run gave %+v, then %+v", first, again)
	}
}

func TestTheSubsetHasItsShareOfEachClass(t *testing.T) {
	dir, _ := workplace(t)
	i, err := openImages(filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "subset.csv")
	if err := i.writeSubset(name, 30); err != nil {
		t.Fatal(err)
	}
	subset, err := dataset.Open(name, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for class, n := range subset.ClassCounts() {
		if n != 3 {
			t.Errorf("%d images of %s, want 3", n, subset.Classes[class])
		}
	}
	if _, err := subset.Read(29); err != nil {
		t.Error(err)
	}
	if err := i.writeSubset(name, 50); err == nil || !strings.Contains(err.Error(), "draws 50 images") {
		t.Errorf("all images: %v", err)
	}
}

// fakePython stands for a Python with PyTorch: it prints what the peer prints,
// and keeps its arguments.
const fakePython = `#!/bin/sh
echo "$MALLOC_MMAP_MAX_ $*" >"$(dirname "$0")/arguments"
echo '{"what": "train", "train_s": 0.0015, "losses": [5.5, 4.25], "knn_top1": 40.0, "linear_probe_top1": 52.5, "peak_rss_mib": 300}'
`

func TestRunOfThePeer(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the peer is run by a shell script")
	}
	studyFile := writeStudy(t, tinyBase, "title: Tiny\nbase: base.yaml\nseeds: 1\npeer: true\nruns: [{loss: simclr, temperature: 0.5, epochs: 2}]")
	dir, common := workplace(t)
	python := filepath.Join(dir, "python")
	if err := os.WriteFile(python, []byte(fakePython), 0o777); err != nil {
		t.Fatal(err)
	}
	mustRun(t, append(common, "--peer", python, "--threads", "2", studyFile)...)
	arguments, err := os.ReadFile(filepath.Join(dir, "arguments"))
	data := filepath.Join(dir, "data")
	want := "0 scripts/torch_peer.py train --data=" + data + "/train --test=" + data + "/test --model=small --loss=simclr --temperature=0.5" +
		" --base-temperature=0 --lr=0.05 --epochs=2 --images=10 --size=32 --seed=1 --threads=2\n"
	if err != nil || string(arguments) != want {
		t.Errorf("the peer got %q, %v, want %q", arguments, err, want)
	}
	r := mustRead(t, filepath.Join(dir, "results.jsonl"))[0]
	if r.Side != sidePeer || r.Steps != 10 || r.Images != 50 || r.Top1 != 52.5 || r.KNNTop1 != 40 || r.Loss != 4.25 || r.TrainS != 0.002 {
		t.Errorf("the result is %+v", r)
	}
	if r.CI95[0] < 36 || r.CI95[0] > 40 || r.CI95[1] < 65 || r.CI95[1] > 69 { // Wilson, 21 of 40
		t.Errorf("the interval is %v", r.CI95)
	}
}

// cancelling ends a context when something is written that contains text.
type cancelling struct {
	bytes.Buffer
	text   string
	cancel context.CancelFunc
}

func (c *cancelling) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.text) {
		c.cancel()
	}
	return c.Buffer.Write(p)
}

func TestInterruptedBetweenRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program and trains")
	}
	studyFile := writeStudy(t, tinyBase, "title: Tiny\nbase: base.yaml\nviews_seen: 20\nseeds: 3\nruns: [{loss: supcon}]")
	dir, common := workplace(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	log := &cancelling{text: "2 of 3: supcon", cancel: cancel}
	if code := run(ctx, append(common, studyFile), log); code != 130 || !strings.HasSuffix(log.String(), "study: interrupted; the same command goes on with the runs that are missing\n") {
		t.Errorf("exit code %d: %s", code, log.String())
	}
	if results := mustRead(t, filepath.Join(dir, "results.jsonl")); len(results) != 1 {
		t.Errorf("%d results, want the one that was finished", len(results))
	}
}

func TestWrongCommandLines(t *testing.T) {
	withoutPeer := writeStudy(t, tinyBase, "title: Tiny\nbase: base.yaml\nseeds: 1\nruns: [{loss: supcon}]")
	dir, common := workplace(t)
	noData := append([]string{"run", "--data", filepath.Join(dir, "none")}, common[3:]...)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "usage:"},
		{[]string{"walk"}, 2, `"walk" is no command`},
		{[]string{"run"}, 2, "no study is named"},
		{[]string{"run", "--fast"}, 2, "-fast"},
		{[]string{"run", "none.yaml"}, 2, "none.yaml"},
		{append(common, "--peer", "python3", withoutPeer), 2, "has no peer"},
		{append(noData, withoutPeer), 3, "there is no folder"},
		{[]string{"run", "--help"}, 0, "usage:"},
	} {
		var log bytes.Buffer
		if code := run(context.Background(), c.args, &log); code != c.code || !strings.Contains(log.String(), c.says) {
			t.Errorf("%v: exit code %d, %q, want %d and %q", c.args, code, log.String(), c.code, c.says)
		}
	}
}
