package eval

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"supcon/pkg/fault"
	"supcon/pkg/internal/numtest"
	"supcon/pkg/random"
)

// names returns n class names.
func names(n int) []string {
	return strings.Split("abcdefghijklmnopqrstuvwxyz"[:n], "")
}

// blobs returns n rows of d values in classes that overlap little or not at all.
func blobs(n, d, classes int, distance float64, seed uint64) (x []float32, labels []int) {
	r := random.New(seed, random.Bench)
	x, labels = make([]float32, n*d), make([]int, n)
	for i := range n {
		labels[i] = i % classes
		for j := range d {
			x[i*d+j] = float32(r.NormFloat64())
		}
		x[i*d+labels[i]%d] += float32(distance)
	}
	return x, labels
}

func fit(t *testing.T, x []float32, labels []int, classes int, o ProbeOptions) *Probe {
	t.Helper()
	p, err := FitProbe(context.Background(), engine(t, 0), x, labels, names(classes), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func flatten(t *testing.T, rows [][]float64) []float32 {
	t.Helper()
	var x []float32
	for _, row := range rows {
		for _, v := range row {
			x = append(x, float32(v))
		}
	}
	return x
}

// testdata/logistic.json is what scikit-learn finds; see logistic.py beside it.
func TestProbeAgreesWithScikitLearn(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "logistic.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			L2      float64
			Classes int
			X, Test [][]float64
			Y       []int
			TestY   []int `json:"test_y"`
			Weight  [][]float64
			Bias    []float64
			Top1    float64
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for i, c := range file.Cases {
		p := fit(t, flatten(t, c.X), c.Y, c.Classes, ProbeOptions{Strengths: []float64{c.L2}, Tolerance: 1e-7})
		// 32-bit products leave the minimum of a weakly regularised fit this uncertain.
		numtest.Close(t, "weight", p.Weight, flatten(t, c.Weight), numtest.Tolerance{Relative: 2e-4})
		numtest.Close(t, "bias", p.Bias, c.Bias, numtest.Tolerance{Relative: 2e-3, Floor: 1e-4})
		r, err := p.Evaluate(context.Background(), engine(t, 0), flatten(t, c.Test), c.TestY)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(r.Top1-c.Top1) > 1e-9 {
			t.Errorf("case %d: top-1 %v, scikit-learn's %v", i, r.Top1, c.Top1)
		}
	}
}

// The gradient in U is that of central differences, whatever the preconditioner.
func TestLogisticGradient(t *testing.T) {
	const n, d, classes = 40, 5, 3
	e := engine(t, 0)
	x, labels := blobs(n, d, classes, 1, 3)
	for i := range n {
		x[i*d+1] += 0.9 * x[i*d] // correlated, so that R is not the identity
	}
	l := newLogistic(e, x, labels, d, classes, 3, newPreconditioner(covariance(e, x, n, d), classes, 3.0/n))
	theta := make([]float64, d*classes+classes)
	r := random.New(4, random.Bench)
	for i := range theta {
		theta[i] = 0.3 * r.NormFloat64()
	}
	got := make([]float64, len(theta))
	l.Grad(got, theta)
	want := make([]float64, len(theta))
	const h = 1e-2 // the loss carries float32 rounding errors
	for i := range theta {
		at := slices.Clone(theta)
		value := func(step float64) float64 { at[i] = theta[i] + step; return l.Func(at) }
		want[i] = (8*(value(h)-value(-h)) - (value(2*h) - value(-2*h))) / (12 * h)
	}
	numtest.Close(t, "gradient", got, want, numtest.Tolerance{Relative: 1e-4})
}

// The value is the documented formula, summed in float64.
func TestLogisticValue(t *testing.T) {
	const n, d, classes, lambda = rowBlock + 300, 3, 4, 5.0 // more than one block
	e := engine(t, 0)
	x, labels := blobs(n, d, classes, 1, 3)
	p := newPreconditioner(covariance(e, x, n, d), classes, lambda/n)
	l := newLogistic(e, x, labels, d, classes, lambda, p)
	theta := make([]float64, d*classes+classes)
	for i := range theta {
		theta[i] = math.Sin(float64(i))
	}
	w := slices.Clone(theta)
	p.fromWeights(theta[:d*classes], classes)
	want := 0.0
	for i, y := range labels {
		sum, target := 0.0, 0.0
		for k := range classes {
			s := w[d*classes+k]
			for j := range d {
				s += float64(x[i*d+j]) * w[j*classes+k]
			}
			sum += math.Exp(s)
			if k == y {
				target = s
			}
		}
		want += (math.Log(sum) - target) / n
	}
	for _, v := range w[:d*classes] {
		want += lambda / (2 * n) * v * v
	}
	if got := l.Func(theta); math.Abs(got-want) > 1e-6*want {
		t.Errorf("f = %.9g, want %.9g", got, want)
	}
}

// Neither threads nor a second fit may change a bit.
func TestProbeIsDeterministic(t *testing.T) {
	x, labels := blobs(3000, 7, 4, 1, 5)
	var first *Probe
	for _, threads := range []int{1, 2, 3} {
		p, err := FitProbe(context.Background(), engine(t, threads), x, labels, names(4), ProbeOptions{Seed: 9})
		if err != nil {
			t.Fatal(err)
		}
		p.FitTime = 0
		if first == nil {
			first = p
		}
		if diff := cmp.Diff(first, p); diff != "" {
			t.Errorf("%d threads:\n%s", threads, diff)
		}
	}
}

// Separable classes drive an unpenalised fit to infinity; ours stays finite
// and right, on duplicated, constant and enormous columns too.
func TestProbeOnSeparableData(t *testing.T) {
	const n, d = 300, 6
	x, labels := blobs(n, d, 3, 30, 6)
	for i := range n {
		x[i*d+3] = x[i*d]         // duplicated
		x[i*d+4] = 7.3            // constant
		x[i*d+5] = x[i*d+1] * 1e8 // enormous
	}
	p := fit(t, x, labels, 3, ProbeOptions{})
	for _, v := range slices.Concat(p.Weight, p.Bias) {
		if math.IsNaN(float64(v)) || math.Abs(float64(v)) > 100 {
			t.Fatalf("weights %v, bias %v", p.Weight, p.Bias)
		}
	}
	if p.Std[4] != 1 {
		t.Errorf("deviation of the constant column %v, want 1", p.Std[4])
	}
	test, testLabels := blobs(90, d, 3, 30, 7)
	for i := range 90 {
		test[i*d+3], test[i*d+4], test[i*d+5] = test[i*d], 7.3, test[i*d+1]*1e8
	}
	r, err := p.Evaluate(context.Background(), engine(t, 0), test, testLabels)
	if err != nil || r.Top1 != 100 || r.Top5 != 100 || r.Count != 90 {
		t.Errorf("%+v (%v), want everything right", r, err)
	}
	if !r.Converged || r.Iterations < 1 {
		t.Errorf("%+v: not converged, or not counted", r)
	}
}

// With noise alone only a strong penalty helps, with much clean data a weak one
// does; the held-out part has to tell which it is.
func TestStrengthIsChosenByHeldOutData(t *testing.T) {
	noise, labels := blobs(120, 60, 2, 0, 8)
	for i := range 120 {
		noise[i*60] += 2 * float32(labels[i])
	}
	strong := fit(t, noise, labels, 2, ProbeOptions{Seed: 1, Held: 0.5}).L2
	clean, labels := blobs(2000, 4, 4, 2, 9)
	weak := fit(t, clean, labels, 4, ProbeOptions{Seed: 1}).L2
	if !(strong >= 10 && weak < strong) {
		t.Errorf("noisy features: λ = %g, clean ones: λ = %g", strong, weak)
	}
}

// One image a class leaves nothing to hold out.
func TestOneShot(t *testing.T) {
	x, labels := blobs(3, 4, 3, 30, 10)
	p := fit(t, x, labels, 3, ProbeOptions{})
	if p.L2 != defaultStrength || p.HeldTop1 != 0 {
		t.Errorf("λ = %g, held-out top-1 %g", p.L2, p.HeldTop1)
	}
	r, err := p.Evaluate(context.Background(), engine(t, 0), x, labels)
	if err != nil || r.Top1 != 100 {
		t.Errorf("on its own rows: %+v (%v)", r, err)
	}
}

func TestStratify(t *testing.T) {
	var labels []int
	for i := range 200 {
		labels = append(labels, []int{0, 0, 0, 1, 2}[i%5])
	}
	labels = append(labels, 3) // a class of one
	order, fitRows := stratify(labels, 5, 0.1, 1)
	held := map[int]int{}
	for _, row := range order[fitRows:] {
		held[labels[row]]++
	}
	if diff := cmp.Diff(map[int]int{0: 12, 1: 4, 2: 4}, held); diff != "" {
		t.Errorf("held out a class: %s", diff)
	}
	if !slices.IsSorted(order[:fitRows]) || !slices.IsSorted(order[fitRows:]) {
		t.Error("a part is out of order")
	}
	all := slices.Clone(order)
	slices.Sort(all)
	if len(slices.Compact(all)) != len(labels) {
		t.Error("a row is lost or doubled")
	}
	if order, fitRows := stratify(labels, 5, 1, 1); distinct(pick(labels, order[:fitRows])) != 4 {
		t.Error("a class has no row left to fit")
	}
	if other, _ := stratify(labels, 5, 0.1, 2); slices.Equal(order, other) {
		t.Error("the seed changes nothing")
	}
}

func pick(labels, rows []int) (picked []int) {
	for _, row := range rows {
		picked = append(picked, labels[row])
	}
	return picked
}

func TestProbeErrors(t *testing.T) {
	x, labels := blobs(30, 4, 3, 1, 11)
	nan := slices.Clone(x)
	nan[4*17+2] = float32(math.NaN())
	inf := slices.Clone(x)
	inf[0] = float32(math.Inf(-1))
	unlabelled := slices.Clone(labels)
	unlabelled[5] = -1
	cases := []struct {
		name   string
		x      []float32
		labels []int
		o      ProbeOptions
		kind   fault.Kind
		says   string
	}{
		{"empty", nil, nil, ProbeOptions{}, fault.Data, "empty"},
		{"one class", x, make([]int, 30), ProbeOptions{}, fault.Data, "two classes"},
		{"unlabelled", x, unlabelled, ProbeOptions{}, fault.Data, "image 5"},
		{"not a number", nan, labels, ProbeOptions{}, fault.Checkpoint, "image 17"},
		{"infinite", inf, labels, ProbeOptions{}, fault.Checkpoint, "image 0"},
		{"no rows", x[:119], labels, ProbeOptions{}, fault.Job, "119"},
		{"strength", x, labels, ProbeOptions{Strengths: []float64{1, 0}}, fault.Usage, "strength"},
	}
	for _, c := range cases {
		_, err := FitProbe(context.Background(), engine(t, 0), c.x, c.labels, names(3), c.o)
		if err == nil || fault.Of(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one of kind %d that says %q", c.name, err, c.kind, c.says)
		}
	}
	p := fit(t, x, labels, 3, ProbeOptions{})
	if _, err := p.Evaluate(context.Background(), engine(t, 0), x[:90], labels); fault.Of(err) != fault.Checkpoint {
		t.Errorf("features of another size: %v", err)
	}
}

func TestProbeCancels(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	x, labels := blobs(300, 4, 3, 1, 11)
	if _, err := FitProbe(ctx, engine(t, 0), x, labels, names(3), ProbeOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("fit: error %v", err)
	}
	p := fit(t, x, labels, 3, ProbeOptions{})
	if _, err := p.Evaluate(ctx, engine(t, 0), x, labels); !errors.Is(err, context.Canceled) {
		t.Errorf("evaluation: error %v", err)
	}
}

func TestProbeFile(t *testing.T) {
	x, labels := blobs(60, 4, 3, 1, 12)
	p := fit(t, x, labels, 3, ProbeOptions{})
	path := filepath.Join(t.TempDir(), "probe.json")
	if err := p.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadProbe(path)
	if err != nil {
		t.Fatal(err)
	}
	want := *p
	want.Iterations, want.Converged, want.FitTime = 0, false, 0
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Error(diff)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, broken := range map[string]string{
		"cut":     string(text[:len(text)/2]),
		"newer":   strings.Replace(string(text), `"version":1`, `"version":2`, 1),
		"sizes":   strings.Replace(string(text), `"dim":4`, `"dim":5`, 1),
		"zero":    strings.Replace(string(text), `"dim":4`, `"dim":0`, 1),
		"classes": strings.Replace(string(text), `["a",`, `[`, 1),
	} {
		if err := os.WriteFile(path, []byte(broken), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadProbe(path); fault.Of(err) != fault.Checkpoint || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// The keys that scripts read.
func TestResultKeys(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		keys  []string
	}{
		"linear_probe": {ProbeResult{}, []string{"top1", "top5", "ci95", "seconds"}},
		"knn":          {KNNResult{}, []string{"top1", "k", "tau"}},
	} {
		text, err := json.Marshal(c.value)
		if err != nil {
			t.Fatal(err)
		}
		var object map[string]any
		if err := json.Unmarshal(text, &object); err != nil {
			t.Fatal(err)
		}
		for _, key := range c.keys {
			if _, ok := object[key]; !ok {
				t.Errorf("%s has no %q: %s", name, key, text)
			}
		}
	}
}
