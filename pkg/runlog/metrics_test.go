package runlog

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func openMetrics(t *testing.T, path string, step int) *Metrics {
	t.Helper()
	m, err := OpenMetrics(path, step)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func appendSteps(t *testing.T, m *Metrics, from, to int) {
	t.Helper()
	for step := from; step <= to; step++ {
		if err := m.Append(step, step/10, F("loss", float64(step)/2)); err != nil {
			t.Fatal(err)
		}
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLineHasTheKeysInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), MetricsFile)
	m := openMetrics(t, path, 0)
	err := m.Append(3, 1, F("loss", 4.5), F("lr", float32(0.1)), F("eval/knn_top1", math.NaN()), F("grad_norm", float32(math.Inf(1))),
		F("images", 1<<40), F("note", "a \"b\"\n"), F("dead", true), F("bytes", uint64(7)))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"step":3,"epoch":1,"loss":4.5,"lr":0.1,"eval/knn_top1":null,"grad_norm":null,"images":1099511627776,"note":"a \"b\"\n","dead":true,"bytes":7}` + "\n"
	if got := content(t, path); got != want { // before Close: every line is flushed
		t.Errorf("line\n%s\nwant\n%s", got, want)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	var got []Record
	if err := ReadMetrics(path, func(r Record) error { got = append(got, r); return nil }); err != nil {
		t.Fatal(err)
	}
	record := Record{Step: 3, Epoch: 1, Text: map[string]string{"note": "a \"b\"\n"}, Numbers: map[string]float64{
		"loss": 4.5, "lr": 0.1, "eval/knn_top1": math.NaN(), "grad_norm": math.NaN(), "images": 1 << 40, "dead": 1, "bytes": 7,
	}}
	if diff := cmp.Diff([]Record{record}, got, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
}

func TestAppendRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), MetricsFile)
	m := openMetrics(t, path, 0)
	defer m.Close()
	appendSteps(t, m, 5, 5)
	before := content(t, path)
	for name, err := range map[string]error{
		"an earlier step": m.Append(4, 0),
		"a list":          m.Append(5, 0, F("x", []int{1})),
		"nil":             m.Append(5, 0, F("x", nil)),
		"a key twice":     m.Append(5, 0, F("x", 1), F("x", 2)),
		"step twice":      m.Append(5, 0, F("step", 1)),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if content(t, path) != before {
		t.Error("a refused line was written")
	}
	if err := m.Append(5, 0); err != nil {
		t.Errorf("a second line of a step: %v", err)
	}
}

// Whatever a kill left behind, a run resumed from step 20 ends in the same file
// as one that never stopped.
func TestResumeLeavesNoGapAndNoDoubleLine(t *testing.T) {
	whole := filepath.Join(t.TempDir(), MetricsFile)
	m := openMetrics(t, whole, 0)
	appendSteps(t, m, 1, 20)
	if err := m.Append(20, 2, F("eval/knn_top1", 50)); err != nil { // a second line of the same step
		t.Fatal(err)
	}
	atCheckpoint := content(t, whole)
	appendSteps(t, m, 21, 40)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	want := content(t, whole)
	for name, left := range map[string]string{
		"just at the checkpoint": atCheckpoint,
		"lines after it":         want[:len(atCheckpoint)+200],
		"a torn line after it":   want[:len(atCheckpoint)+5],
		"zeros after a crash":    atCheckpoint + strings.Repeat("\x00", 4096),
		"garbage, then a line":   atCheckpoint + "\x00\xff\n" + `{"step":21,"epoch":2}` + "\n",
		"all but the newline":    want[:len(want)-1],
	} {
		path := filepath.Join(t.TempDir(), MetricsFile)
		if err := os.WriteFile(path, []byte(left), 0o666); err != nil {
			t.Fatal(err)
		}
		m := openMetrics(t, path, 20)
		if got := content(t, path); got != atCheckpoint {
			t.Errorf("%s: opened as %d bytes, want the %d up to step 20", name, len(got), len(atCheckpoint))
		}
		if err := m.Append(19, 1); err == nil {
			t.Errorf("%s: the step of the last line is forgotten", name)
		}
		appendSteps(t, m, 21, 40)
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if got := content(t, path); got != want {
			t.Errorf("%s: the resumed log differs from the whole one", name)
		}
	}
}

func TestResumeFromTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), MetricsFile)
	m := openMetrics(t, path, 0)
	appendSteps(t, m, 1, 3)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m = openMetrics(t, path, 0)
	defer m.Close()
	if got := content(t, path); got != "" {
		t.Errorf("left of a run that begins anew: %q", got)
	}
}

func TestReadMetrics(t *testing.T) {
	path := filepath.Join(t.TempDir(), MetricsFile)
	read := func(text string) (steps []int, err error) {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		err = ReadMetrics(path, func(r Record) error { steps = append(steps, r.Step); return nil })
		return steps, err
	}
	const one, two = `{"step":1,"epoch":0}` + "\n", `{"step":2,"epoch":0}` + "\n"
	if steps, err := read(one + two[:9]); err != nil || !cmp.Equal(steps, []int{1}) {
		t.Errorf("a torn last line: %v, %v", steps, err)
	}
	for name, broken := range map[string]string{"no JSON": "x\n", "no step": "{}\n", "a list": `{"step":1,"x":[1]}` + "\n", "half a step": `{"step":1.5}` + "\n"} {
		if _, err := read(one + broken + two); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: error %v, want one that names line 2", name, err)
		}
	}
	stop := errors.New("enough")
	if err := ReadMetrics(path, func(Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the visitor's error is lost: %v", err)
	}
	if err := ReadMetrics(filepath.Join(path, "missing"), nil); err == nil {
		t.Error("a missing log was read")
	}
}

func TestOpenMetricsErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenMetrics(filepath.Join(file, MetricsFile), 0); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("under a file: %v", err)
	}
}

func BenchmarkAppend(b *testing.B) {
	m, err := OpenMetrics(filepath.Join(b.TempDir(), MetricsFile), 0)
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Append(1, 1, F("loss", 1.25), F("lr", 0.05), F("grad_norm", 3.5), F("images_per_s", 1234.5)); err != nil {
			b.Fatal(err)
		}
	}
}
