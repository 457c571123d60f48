package embedding

import (
	"bufio"
	stdcsv "encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sbinet/npyio"

	"supcon/pkg/fault"
)

func example() *Set {
	s := &Set{Dim: 3, Classes: []string{"cat", "dog, big"}}
	rows := []struct {
		path   string
		label  int
		vector []float32
	}{
		{"cat/a.jpg", 0, []float32{1, -2.5, 1e-42}},
		{"dog/b \"x\",\n.jpg", 1, []float32{0.1, math.MaxFloat32, 3}},
		{" ä<.png", Unlabelled, []float32{float32(math.Inf(-1)), 16777217, 0}},
	}
	for _, r := range rows {
		if err := s.Append(r.path, r.label, r.vector); err != nil {
			panic(err)
		}
	}
	return s
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestNPYIsReadByNpyio(t *testing.T) {
	for name, s := range map[string]*Set{"rows": example(), "none": {Dim: 3}} {
		t.Run(name, func(t *testing.T) { checkNPY(t, s) })
	}
}

func checkNPY(t *testing.T, s *Set) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "v.npy")
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := npyio.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Header.Descr; d.Type != "<f4" || d.Fortran || !slices.Equal(d.Shape, []int{s.Len(), 3}) || r.Header.Major != 1 {
		t.Errorf("header %+v", r.Header)
	}
	got := make([]float32, len(s.Vectors))
	if s.Len() > 0 {
		if err := r.Read(&got); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, s.Vectors) {
		t.Errorf("read %v, want %v", got, s.Vectors)
	}
	if stat, _ := f.Stat(); stat.Size() != int64(128+4*len(s.Vectors)) {
		t.Errorf("file of %d bytes", stat.Size())
	}
}

func TestSidecar(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.x.npy")
	if err := example().Write(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(path), "v.x.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), `"path":" ä<.png","label":null`) {
		t.Errorf("the text is escaped for HTML:\n%s", data)
	}
	type line struct {
		Path  string
		Label *string
	}
	var got []line
	for text := range strings.Lines(string(data)) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		got = append(got, l)
	}
	s := example()
	want := []line{{s.Paths[0], &s.Classes[0]}, {s.Paths[1], &s.Classes[1]}, {s.Paths[2], nil}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCSVIsReadByEncodingCSV(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.CSV")
	s := example()
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := stdcsv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"path", "label", "v0", "v1", "v2"}, rows[0]); diff != "" {
		t.Error(diff)
	}
	labels := []string{"cat", "dog, big", ""}
	for i, row := range rows[1:] {
		if row[0] != s.Paths[i] || row[1] != labels[i] {
			t.Errorf("row %d: %q, %q", i, row[0], row[1])
		}
		for j, text := range row[2:] {
			if v, err := strconv.ParseFloat(text, 32); err != nil || float32(v) != s.Vector(i)[j] {
				t.Errorf("row %d, value %d: %q, want %v", i, j, text, s.Vector(i)[j])
			}
		}
	}
	if len(rows) != 4 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	for _, extension := range Extensions() {
		dir := t.TempDir()
		w, err := Create(filepath.Join(dir, "v"+extension), 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Append("a", Unlabelled, []float32{1}); err != nil {
			t.Fatal(err)
		}
		w.Abort()
		if err := errors.Join(w.Append("a", Unlabelled, []float32{1}), w.Close()); err == nil {
			t.Errorf("%s: goes on after Abort", extension)
		}
		if got := files(t, dir); len(got) != 0 {
			t.Errorf("%s: left behind %q", extension, got)
		}
	}
}

// A row that was refused makes the file incomplete: it must not appear.
func TestNoFileAfterAFailedAppend(t *testing.T) {
	for _, extension := range Extensions() {
		for name, bad := range map[string]func(w Writer) error{
			"length":  func(w Writer) error { return w.Append("a", 0, []float32{1, 2}) },
			"label":   func(w Writer) error { return w.Append("a", 1, []float32{1}) },
			"label-2": func(w Writer) error { return w.Append("a", -2, []float32{1}) },
		} {
			dir := t.TempDir()
			w, err := Create(filepath.Join(dir, "v"+extension), 1, []string{"c"})
			if err != nil {
				t.Fatal(err)
			}
			if bad(w) == nil || w.Append("a", 0, []float32{1}) == nil || w.Close() == nil {
				t.Errorf("%s, wrong %s: no error", extension, name)
			}
			if got := files(t, dir); len(got) != 0 {
				t.Errorf("%s, wrong %s: left behind %q", extension, name, got)
			}
		}
	}
}

func TestCreateErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"v.xlsx", "v", ".npy"} {
		_, err := Create(filepath.Join(dir, name), 1, nil)
		if fault.Of(err) != fault.Usage {
			t.Errorf("%s: %v, want a usage error", name, err)
		}
		if name == "v.xlsx" && !strings.Contains(err.Error(), ".npy, .csv") {
			t.Errorf("error %q does not name the formats known", err)
		}
	}
	for _, extension := range Extensions() {
		if _, err := Create(filepath.Join(file, "v"+extension), 1, nil); err == nil {
			t.Errorf("%s under a file: no error", extension)
		}
	}
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("left behind %q", got)
	}
}

// The target's name taken by a folder: the sidecar must not appear alone.
func TestNPYFailsWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "v.npy")
	if err := os.Mkdir(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := example().Write(path); err == nil {
		t.Error("written over a folder")
	}
	if got := files(t, dir); !slices.Equal(got, []string{"v.npy"}) {
		t.Errorf("left behind %q", got)
	}
}

func TestNormalize(t *testing.T) {
	s := &Set{Dim: 2, Paths: []string{"a", "b", "c"}, Vectors: []float32{3, 4, 0, 0, 1e-30, 0}}
	s.Normalize()
	want := []float32{0.6, 0.8, 0, 0, 1e-18, 0}
	for i, w := range want {
		if math.Abs(float64(s.Vectors[i]-w)) > 1e-7*math.Abs(float64(w)) {
			t.Errorf("value %d: %v, want %v", i, s.Vectors[i], w)
		}
	}
}

// Memory must not grow with the number of rows.
func TestWritersStream(t *testing.T) {
	vector := make([]float32, 64)
	for _, extension := range Extensions() {
		w, err := Create(filepath.Join(t.TempDir(), "v"+extension), len(vector), []string{"c"})
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range 20_000 { // 5 MB of floats
			if err := w.Append("some/path.jpg", 0, vector); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
			t.Errorf("%s: heap grew by %d bytes", extension, grown)
		}
		w.Abort()
	}
}

func BenchmarkAppend(b *testing.B) {
	vector := make([]float32, 512)
	for i := range vector {
		vector[i] = float32(math.Sin(float64(i)))
	}
	for _, extension := range Extensions() {
		b.Run(extension, func(b *testing.B) {
			w := &writer{dim: len(vector), classes: []string{"c"}}
			discard := &output{bufio.NewWriter(io.Discard), nil}
			if extension == ".npy" {
				w.encoder = &npy{w, discard, discard, json.NewEncoder(discard), nil}
			} else {
				w.encoder = &csv{w, discard, nil}
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Append("some/path.jpg", 0, vector); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
