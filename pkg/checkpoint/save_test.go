package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nlpodyssey/safetensors"
	"pgregory.net/rapid"

	"supcon/pkg/fault"
)

// iota32 returns 0, 1, 2, …: every value says where it stood.
func iota32(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i)
	}
	return x
}

func exampleMeta(step int) Meta {
	return Meta{
		Version: Version, Spec: json.RawMessage(`{"name":"small"}`), ImageSize: 32,
		Mean: [3]float32{0.1, 0.2, 0.3}, Std: [3]float32{0.4, 0.5, 0.6},
		Classes: []string{"cat", "dog \"<é>\""}, Loss: "supcon", Step: step, Epoch: 1, Seed: math.MaxUint64, Branch: "generic",
		State: json.RawMessage(`{"best":71.5}`),
	}
}

func exampleTensors() []Tensor {
	return []Tensor{
		{Name: "head.2.weight", Shape: []int{3, 2}, Data: iota32(6)},
		{Name: "encoder.conv1.weight", Shape: []int{3, 2, 4, 5}, Data: iota32(120)},
		Counter("encoder.bn1.num_batches_tracked", 1<<40),
		{Name: "encoder.bn1.weight", Shape: []int{5}, Data: []float32{1, -2, 3, float32(math.Inf(1)), 1e-42}},
		{Name: "optimizer.momentum.encoder.conv1.weight", Shape: []int{3, 2, 4, 5}, Data: iota32(120)},
		{Name: "temperature", Data: []float32{0.5}},
	}
}

func save(t *testing.T, path string, m Meta, tensors []Tensor) []byte {
	t.Helper()
	if err := Save(path, m, tensors); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func byName(tensors []Tensor) map[string]Tensor {
	m := map[string]Tensor{}
	for _, t := range tensors {
		m[t.Name] = t
	}
	return m
}

func TestLoadReturnsWhatWasSaved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.safetensors")
	save(t, path, exampleMeta(7), exampleTensors())
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(exampleMeta(7), f.Meta); diff != "" {
		t.Errorf("meta differs (-saved +loaded):\n%s", diff)
	}
	want := byName(exampleTensors())
	got := byName(f.Tensors)
	for name, w := range want {
		w.Shape = append([]int{}, w.Shape...)
		want[name] = w
		g := got[name]
		g.Shape = append([]int{}, g.Shape...)
		got[name] = g
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tensors differ (-saved +loaded):\n%s", diff)
	}
	if c, ok := f.Tensor("encoder.bn1.num_batches_tracked"); !ok || c.Ints[0] != 1<<40 {
		t.Errorf("counter: %+v, %v", c, ok)
	}
}

// On disk stand PyTorch's names, types, shapes and order of values, as the
// safetensors library, not this package, reads them.
func TestDiskFormIsPyTorchs(t *testing.T) {
	data := save(t, filepath.Join(t.TempDir(), "c"), exampleMeta(7), exampleTensors())
	st, err := safetensors.Deserialize(data)
	if err != nil {
		t.Fatal(err)
	}
	conv, ok := st.Tensor("encoder.conv1.weight")
	if !ok || !slices.Equal(conv.Shape(), []uint64{5, 4, 3, 2}) || conv.DType() != safetensors.F32 {
		t.Fatalf("filters: %v, shape %v, type %v", ok, conv.Shape(), conv.DType())
	}
	const R, S, C, K = 3, 2, 4, 5
	for k := range K {
		for c := range C {
			for r := range R {
				for s := range S {
					oihw, hwio := ((k*C+c)*R+r)*S+s, ((r*S+s)*C+c)*K+k
					got := math.Float32frombits(binary.LittleEndian.Uint32(conv.Data()[4*oihw:]))
					if got != float32(hwio) {
						t.Fatalf("value (k %d, c %d, r %d, s %d) = %v, want %d", k, c, r, s, got, hwio)
					}
				}
			}
		}
	}
	linear, _ := st.Tensor("head.2.weight")
	if !slices.Equal(linear.Shape(), []uint64{2, 3}) || !bytes.Equal(linear.Data()[4:8], []byte{0, 0, 0, 0x40}) {
		t.Errorf("linear: shape %v, second value % x, want (2, 3) and 2", linear.Shape(), linear.Data()[4:8])
	}
	momentum, _ := st.Tensor("optimizer.momentum.encoder.conv1.weight")
	if !bytes.Equal(momentum.Data(), conv.Data()) {
		t.Error("momentum is laid out unlike its parameter")
	}
	counter, _ := st.Tensor("encoder.bn1.num_batches_tracked")
	if counter.DType() != safetensors.I64 || len(counter.Shape()) != 0 {
		t.Errorf("counter: type %v, shape %v, want an I64 scalar", counter.DType(), counter.Shape())
	}
	_, header, err := safetensors.ReadMetadata(data)
	if err != nil || header.Metadata()["format"] != "pt" {
		t.Errorf("metadata %v (%v), want format pt", header.Metadata(), err)
	}
	if !bytes.Contains(data, []byte(`"shape":[]`)) {
		t.Error("a scalar's shape is not written as []")
	}
}

func TestEqualStatesGiveEqualBytes(t *testing.T) {
	dir := t.TempDir()
	a := save(t, filepath.Join(dir, "a"), exampleMeta(7), exampleTensors())
	reversed := exampleTensors()
	slices.Reverse(reversed)
	m := exampleMeta(7)
	m.Version = 0 // set by Save
	b := save(t, filepath.Join(dir, "b"), m, reversed)
	if !bytes.Equal(a, b) {
		t.Error("the order of tensors changes the bytes")
	}
	if c := save(t, filepath.Join(dir, "c"), exampleMeta(8), exampleTensors()); bytes.Equal(a, c) {
		t.Error("another step gives the same bytes")
	}
}

func TestLayoutRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rank := rapid.SampledFrom([]int{0, 1, 2, 4}).Draw(t, "rank")
		shape := rapid.SliceOfN(rapid.IntRange(1, 7), rank, rank).Draw(t, "shape")
		n := 1
		for _, d := range shape {
			n *= d
		}
		a := Tensor{Name: "a", Shape: shape, Data: iota32(n)}
		b := Tensor{Name: "a", Shape: memoryShape(DiskShape(shape)), Data: make([]float32, n)}
		buf := make([]byte, 4*n)
		a.encode(buf)
		b.decode(buf)
		if diff := cmp.Diff(a, b); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestSaveRefusesBrokenTensors(t *testing.T) {
	vector := Tensor{Name: "a", Shape: []int{2}, Data: iota32(2)}
	for name, tensors := range map[string][]Tensor{
		"twice the name": {vector, vector},
		"no name":        {{Shape: []int{1}, Data: iota32(1)}},
		"reserved name":  {{Name: "__metadata__", Shape: []int{1}, Data: iota32(1)}},
		"wrong length":   {{Name: "a", Shape: []int{3}, Data: iota32(2)}},
		"rank 3":         {{Name: "a", Shape: []int{1, 1, 1}, Data: iota32(1)}},
		"int matrix":     {{Name: "a", Shape: []int{1, 1}, Ints: []int64{1}}},
		"both":           {{Name: "a", Shape: []int{2}, Data: iota32(1), Ints: []int64{1}}},
		"empty":          {{Name: "a", Shape: []int{0}, Data: iota32(0)}},
	} {
		path := filepath.Join(t.TempDir(), "c")
		if err := Save(path, exampleMeta(1), tensors); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: a file was left", name)
		}
	}
}

func TestSaveRefusesEndlessMetadata(t *testing.T) {
	m := exampleMeta(1)
	m.Classes = []string{strings.Repeat("x", maxHeader)}
	err := Save(filepath.Join(t.TempDir(), "c"), m, nil)
	if fault.Of(err) != fault.Data {
		t.Errorf("error %v, want a data error", err)
	}
}

func TestSaveFailureLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(file, "c"), filepath.Join(dir, "missing", "c")} {
		if err := Save(path, exampleMeta(1), exampleTensors()); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v must name %q", err, path)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "c"), 0o777); err != nil {
		t.Fatal(err)
	}
	err := Save(filepath.Join(dir, "c"), exampleMeta(1), exampleTensors())
	if err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("saving over a directory: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}
