package dataset

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/mat"

	"supcon/pkg/fault"
)

// files reads a tree of files.
func files(t *testing.T, root string) map[string]string {
	t.Helper()
	content := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path)
		content[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return content
}

const sample = "../../datasets/sample"

func TestTheSampleThatShipsIsWhatSynthMakes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sample")
	if err := Synth(dir, 1, SynthOptions{}); err != nil {
		t.Fatal(err)
	}
	shipped, made := files(t, sample), files(t, dir)
	if len(made) != 1300 {
		t.Errorf("%d files, want 100 + 30 of ten classes", len(made))
	}
	total := 0
	for name, data := range made {
		total += len(data)
		if shipped[name] != data {
			t.Fatalf("datasets/sample/%s is not what Synth makes of seed 1", name)
		}
	}
	if len(shipped) != len(made) {
		t.Errorf("datasets/sample has %d files, Synth makes %d", len(shipped), len(made))
	}
	if total >= 3_000_000 {
		t.Errorf("the sample set has %d bytes, 3 MB are its limit", total)
	}
}

func TestSynthDependsOnTheSeed(t *testing.T) {
	root := t.TempDir()
	o := SynthOptions{Train: 2, Test: 1, Size: 16}
	for name, seed := range map[string]uint64{"a": 5, "b": 5, "c": 6} {
		if err := Synth(filepath.Join(root, name), seed, o); err != nil {
			t.Fatal(err)
		}
	}
	a, b, c := files(t, filepath.Join(root, "a")), files(t, filepath.Join(root, "b")), files(t, filepath.Join(root, "c"))
	if diff := cmp.Diff(a, b); diff != "" || len(a) != 30 {
		t.Errorf("equal seeds, other files (%d): %.500s", len(a), diff)
	}
	for name := range a {
		if a[name] == c[name] {
			t.Errorf("%s is the same under another seed", name)
		}
	}
	if a["train/star/0000.jpg"] == a["test/star/0000.jpg"] {
		t.Error("training and test part repeat each other")
	}
}

func TestSynthRefuses(t *testing.T) {
	existing := t.TempDir()
	if err := Synth(existing, 1, SynthOptions{}); fault.Of(err) != fault.Usage {
		t.Errorf("an existing folder: %v", err)
	}
	if err := Synth(filepath.Join(existing, "new"), 1, SynthOptions{Size: 4}); fault.Of(err) != fault.Usage {
		t.Errorf("four pixels: %v", err)
	}
}

// Neither colour nor place may give the class away: a linear classifier (ridge
// regression on one-hot labels) on the mean colour, on the picture in 8×8 grey
// cells, or on its rows and columns stays near the one in ten of guessing.
func TestNoLinearShortcutThroughTheSample(t *testing.T) {
	features := map[string]func(pix []float64) []float64{
		"mean colour":  func(pix []float64) []float64 { return cells(pix, 1, true) },
		"grey cells":   func(pix []float64) []float64 { return cells(pix, 8, false) },
		"colour cells": func(pix []float64) []float64 { return cells(pix, 4, true) },
	}
	for name, feature := range features {
		x, labels := sampleFeatures(t, "train", feature)
		z, truth := sampleFeatures(t, "test", feature)
		right := 0
		for i, label := range ridge(t, x, labels, z) {
			if label == truth[i] {
				right++
			}
		}
		share := float64(right) / float64(len(truth))
		t.Logf("%s: %.1f %% of the test part", name, 100*share)
		if share > 0.2 {
			t.Errorf("a linear classifier on %s gets %.1f %% right, 10 %% is chance", name, 100*share)
		}
	}
}

// cells averages a 32×32 RGB picture over n×n cells, in colour or grey.
func cells(pix []float64, n int, color bool) []float64 {
	const side = 32
	out := make([]float64, 3*n*n)
	for y := range side {
		for x := range side {
			cell := y*n/side*n + x*n/side
			for c := range 3 {
				out[3*cell+c] += pix[3*(y*side+x)+c] / 255 * float64(n*n) / (side * side)
			}
		}
	}
	if color {
		return out
	}
	gray := make([]float64, n*n)
	for i := range gray {
		gray[i] = (out[3*i] + out[3*i+1] + out[3*i+2]) / 3
	}
	return gray
}

func sampleFeatures(t *testing.T, part string, feature func([]float64) []float64) (*mat.Dense, []int) {
	t.Helper()
	set, err := Open(filepath.Join(sample, part), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var rows *mat.Dense
	labels := make([]int, set.Len())
	for i, item := range set.Items {
		img, err := set.Decode(i)
		if err != nil {
			t.Fatal(err)
		}
		pix := make([]float64, 0, 3*len(img.Pix)/4)
		for k, v := range img.Pix {
			if k%4 != 3 {
				pix = append(pix, float64(v))
			}
		}
		row := append(feature(pix), 1)
		if rows == nil {
			rows = mat.NewDense(set.Len(), len(row), nil)
		}
		rows.SetRow(i, row)
		labels[i] = item.Label
	}
	return rows, labels
}

// ridge fits one-hot labels and returns the class of the largest output of each
// row of z.
func ridge(t *testing.T, x *mat.Dense, labels []int, z *mat.Dense) []int {
	t.Helper()
	n, d := x.Dims()
	y := mat.NewDense(n, len(shapes), nil)
	for i, label := range labels {
		y.Set(i, label, 1)
	}
	var gram, right, weights, out mat.Dense
	gram.Mul(x.T(), x)
	for i := range d {
		gram.Set(i, i, gram.At(i, i)+1)
	}
	right.Mul(x.T(), y)
	if err := weights.Solve(&gram, &right); err != nil {
		t.Fatal(err)
	}
	out.Mul(z, &weights)
	m, _ := out.Dims()
	classes := make([]int, m)
	for i := range classes {
		for c := range len(shapes) {
			if out.At(i, c) > out.At(i, classes[i]) {
				classes[i] = c
			}
		}
	}
	return classes
}
