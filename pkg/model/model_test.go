package model

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"supcon/pkg/fault"
	"supcon/pkg/internal/numtest"
	"supcon/pkg/kernel"
	"supcon/pkg/loss"
	"supcon/pkg/nn"
	"supcon/pkg/optim"
	"supcon/pkg/random"
)

func engine(t testing.TB, threads int) *kernel.Engine {
	t.Helper()
	e, err := kernel.New(kernel.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newNet(t testing.TB, s Spec) *Net {
	t.Helper()
	n, err := New(s, 7)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var contrastive = loss.Config{Variant: loss.SupCon, Temperature: 0.1}

// images returns rows random images; those of one label resemble each other.
func images(seed uint64, rows, side int, labels []int) []float32 {
	x := make([]float32, rows*side*side*3)
	size := side * side * 3
	for i := range rows {
		common, own := random.New(uint64(labels[i]), random.Bench, 1), random.New(seed, random.Bench, 2, uint64(i))
		for k := range size {
			x[i*size+k] = float32(common.NormFloat64() + 0.5*own.NormFloat64())
		}
	}
	return x
}

// session trains a net on one batch.
type session struct {
	net    *Net
	graph  *TrainGraph
	solver optim.Solver
}

func newSession(t testing.TB, e *kernel.Engine, spec Spec, rows, side int, lr float64) *session {
	t.Helper()
	s := &session{net: newNet(t, spec)}
	var err error
	if s.graph, err = s.net.TrainGraph(e, Shape{rows, side, side}, contrastive); err != nil {
		t.Fatal(err)
	}
	var params []optim.Parameter
	for _, d := range s.graph.Gradients() {
		params = append(params, d.(optim.Parameter))
	}
	if s.solver, err = optim.New(e, optim.Defaults("sgd"), params); err != nil {
		t.Fatal(err)
	}
	s.solver.SetLearningRate(lr)
	return s
}

func (s *session) step(t testing.TB) loss.Value {
	t.Helper()
	v, err := s.graph.Run()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.solver.Step(s.graph.Gradients()); err != nil {
		t.Fatal(err)
	}
	return v
}

func bits(n *Net) []float32 {
	var all []float32
	for _, s := range n.State() {
		all = append(all, s.Data...)
	}
	return all
}

func TestOverfitsOneBatch(t *testing.T) {
	labels := []int{0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3}
	x := images(1, len(labels), 8, labels)
	for _, spec := range []Spec{{Name: "small", Head: MLP, ProjDim: 16}, {Name: "resnet8", Head: Linear, ProjDim: 16}, {Name: "vgg7", Head: MLPNorm, ProjDim: 16}, {Name: "resnet8", Classes: 4}} {
		t.Run(spec.String(), func(t *testing.T) {
			s := newSession(t, engine(t, 2), spec, len(labels), 8, 0.05)
			if err := s.graph.SetInput(x, labels); err != nil {
				t.Fatal(err)
			}
			first := s.step(t)
			var last loss.Value
			for range 40 {
				last = s.step(t)
			}
			least := 0.0
			if spec.Classes == 0 {
				least = math.Log(2) // two positives share the softmax
			}
			if !(last.Loss-least < 0.1*(first.Loss-least)) {
				t.Errorf("loss %v after 40 steps, %v at first; the least possible is %v", last.Loss, first.Loss, least)
			}
			if spec.Classes > 0 && last.Correct != len(labels) {
				t.Errorf("%d of %d classified right", last.Correct, len(labels))
			}
		})
	}
}

// The same bits on every run and for every number of threads, resumed or not.
func TestTrainingIsDeterministic(t *testing.T) {
	labels := []int{0, 1, 2, 0, 1, 2}
	x := images(1, len(labels), 8, labels)
	run := func(threads int) []float32 {
		s := newSession(t, engine(t, threads), Spec{Name: "resnet8", Head: MLP, ProjDim: 8}, len(labels), 8, 0.05)
		if err := s.graph.SetInput(x, labels); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			s.step(t)
		}
		return bits(s.net)
	}
	want := run(1)
	for _, threads := range []int{1, 2, 3} {
		if !slices.Equal(run(threads), want) {
			t.Errorf("%d threads: other bits than the first run with one", threads)
		}
	}
}

func TestResumedEqualsUninterrupted(t *testing.T) {
	labels := []int{0, 1, 0, 1}
	x := images(1, len(labels), 8, labels)
	start := func() *session {
		s := newSession(t, engine(t, 2), Spec{Name: "resnet8", Head: MLP, ProjDim: 8}, len(labels), 8, 0.05)
		if err := s.graph.SetInput(x, labels); err != nil {
			t.Fatal(err)
		}
		return s
	}
	whole, second := start(), start()
	for range 2 {
		whole.step(t)
	}
	var state []nn.Tensor
	for _, a := range whole.net.State() {
		state = append(state, nn.Tensor{Name: a.Name, Shape: a.Shape, Data: slices.Clone(a.Data)})
	}
	var momentum []optim.State
	for _, a := range whole.solver.State() {
		momentum = append(momentum, optim.State{Name: a.Name, Shape: a.Shape, Data: slices.Clone(a.Data)})
	}
	for range 2 {
		whole.step(t)
	}
	second.step(t) // something to overwrite
	if err := second.net.Load(state); err != nil {
		t.Fatal(err)
	}
	if err := second.solver.Restore(momentum); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		second.step(t)
	}
	if !slices.Equal(bits(whole.net), bits(second.net)) {
		t.Error("resuming gives other bits")
	}
}

func TestStepAllocatesNothingOfNote(t *testing.T) {
	labels := make([]int, 16)
	s := newSession(t, engine(t, 2), Spec{Name: "resnet8", Head: MLP, ProjDim: 16}, len(labels), 16, 0.01)
	if err := s.graph.SetInput(images(1, len(labels), 16, labels), labels); err != nil {
		t.Fatal(err)
	}
	s.step(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const steps = 5
	for range steps {
		s.step(t)
	}
	runtime.ReadMemStats(&after)
	bytes := (after.TotalAlloc - before.TotalAlloc) / steps
	t.Logf("%d bytes a step, %d in results", bytes, s.graph.Machine().Bytes())
	if bytes > 100_000 {
		t.Errorf("a step allocates %d bytes", bytes)
	}
}

func TestShortBatchesGiveTheSameVectors(t *testing.T) {
	e := engine(t, 2)
	n := newNet(t, Spec{Name: "resnet8", Head: MLP, ProjDim: 8})
	const rows, side = 5, 8
	x := images(3, rows, side, make([]int, rows))
	f, err := n.InferGraph(e, Shape{rows, side, side}, Projection)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := f.Run(x)
	if err != nil {
		t.Fatal(err)
	}
	whole = slices.Clone(whole)
	for m := 1; m <= rows; m++ {
		part, err := f.Run(x[:m*side*side*3])
		if err != nil {
			t.Fatal(err)
		}
		numtest.Close(t, fmt.Sprint(m, " rows"), part, whole[:m*f.Width()], numtest.Tolerance{Relative: 1e-6})
	}
	for _, size := range []int{0, 1, len(x) + side*side*3} {
		if _, err := f.Run(make([]float32, size)); err == nil {
			t.Errorf("%d values passed as a batch", size)
		}
	}
}

func TestInferenceSeesTrainingAndLoad(t *testing.T) {
	e := engine(t, 1)
	labels := []int{0, 1, 0, 1}
	x := images(3, 4, 8, labels)
	s := newSession(t, e, Spec{Name: "resnet8", Head: MLP, ProjDim: 8}, 4, 8, 0.1)
	f, err := s.net.InferGraph(e, Shape{4, 8, 8}, Encoder)
	if err != nil {
		t.Fatal(err)
	}
	vectors := func() []float32 {
		v, err := f.Run(x)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(v)
	}
	before := vectors()
	if err := s.graph.SetInput(x, labels); err != nil {
		t.Fatal(err)
	}
	s.step(t)
	if slices.Equal(vectors(), before) {
		t.Error("a training step did not reach the inference graph")
	}
	if err := s.net.Load(newNet(t, s.net.Spec()).State()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(vectors(), before) {
		t.Error("a loaded state did not reach the inference graph")
	}
}

func TestStateNamesAreTorchvisions(t *testing.T) {
	want := map[string][]int{
		"encoder.conv1.weight": {3, 3, 3, 64}, "encoder.bn1.running_mean": {64}, "encoder.bn1.num_batches_tracked": {},
		"encoder.layer1.0.conv1.weight": {3, 3, 64, 64}, "encoder.layer2.0.downsample.0.weight": {1, 1, 64, 128},
		"encoder.layer2.0.downsample.1.bias": {128}, "encoder.layer4.1.bn2.weight": {512},
		"head.0.weight": {512, 512}, "head.2.weight": {512, 128}, "head.2.bias": {128},
	}
	shapes := map[string][]int{}
	for _, s := range newNet(t, Spec{Name: "resnet18", Head: MLP, ProjDim: 128}).State() {
		shapes[s.Name] = s.Shape
	}
	for name, shape := range want {
		if got, ok := shapes[name]; !ok || !slices.Equal(got, shape) {
			t.Errorf("%s: shape %v (there: %v), want %v", name, got, ok, shape)
		}
	}
}

// The numbers of trained values of torchvision's models without their last
// layer, and of the peers with the CIFAR stem.
func TestParameterCounts(t *testing.T) {
	head := func(in int) int { return in + 1 } // a linear projection to one dimension
	for _, c := range []struct {
		name, stem string
		dim, count int
	}{
		{"small", SmallStem, 128, 93_472}, {"vgg7", SmallStem, 256, 1_974_272}, {"resnet18", LargeStem, 512, 11_176_512}, {"resnet18", SmallStem, 512, 11_168_832},
		{"resnet34", LargeStem, 512, 21_284_672}, {"resnet50", LargeStem, 2048, 23_508_032},
	} {
		n := newNet(t, Spec{Name: c.name, Stem: c.stem, Head: Linear, ProjDim: 1})
		if got := n.ParamCount() - head(c.dim); got != c.count || n.Dim() != c.dim {
			t.Errorf("%s with the %s stem: %d values and dimension %d, want %d and %d", c.name, c.stem, got, n.Dim(), c.count, c.dim)
		}
	}
}

func TestLargeStemAndBottleneckRun(t *testing.T) {
	e := engine(t, 2)
	n := newNet(t, Spec{Name: "resnet50", Stem: LargeStem, Head: Linear, ProjDim: 4})
	labels := []int{0, 0}
	g, err := n.TrainGraph(e, Shape{2, 33, 33}, contrastive)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.SetInput(images(1, 2, 33, labels), labels); err != nil {
		t.Fatal(err)
	}
	if v, err := g.Run(); err != nil || math.IsNaN(v.Loss) {
		t.Errorf("loss %v, error %v", v.Loss, err)
	}
}

func TestFLOPs(t *testing.T) {
	n := newNet(t, Spec{Name: "small", Head: Linear, ProjDim: 10})
	got, err := n.FLOPs(engine(t, 1), 32, 32, Encoder)
	if err != nil {
		t.Fatal(err)
	}
	want := 2. * 9 * (32*32*3*32 + 16*16*32*64 + 8*8*64*128)
	if got != want {
		t.Errorf("encoder: %v, want %v", got, want)
	}
	if got, _ := n.FLOPs(engine(t, 1), 32, 32, Projection); got != want+2*128*10 {
		t.Errorf("with the head: %v, want %v", got, want+2*128*10)
	}
}

func TestSpecErrors(t *testing.T) {
	for name, s := range map[string]Spec{
		"unknown":    {Name: "resnet81", Head: MLP, ProjDim: 8},
		"head":       {Name: "small", Head: "mlp-bm", ProjDim: 8},
		"dimension":  {Name: "small", Head: MLP},
		"stem":       {Name: "resnet18", Stem: "5x5", Head: MLP, ProjDim: 8},
		"large stem": {Name: "resnet8", Stem: LargeStem, Head: MLP, ProjDim: 8},
		"classes":    {Name: "small", Classes: -1},
	} {
		if _, err := New(s, 1); err == nil || fault.Of(err) != fault.Usage {
			t.Errorf("%s: error %v", name, err)
		}
	}
	_, err := New(Spec{Name: "resnet81", Head: MLP, ProjDim: 8}, 1)
	if text := err.Error(); !strings.Contains(text, "resnet50") || !strings.Contains(text, `did you mean "resnet8"?`) {
		t.Errorf("the error does not list the names and the nearest: %v", err)
	}
	if s := (Spec{Name: "resnet18"}).ForImages(224).Stem; s != LargeStem {
		t.Errorf("stem for 224 px: %s", s)
	}
	if s := (Spec{Name: "resnet20"}).ForImages(224).Stem; s != SmallStem {
		t.Errorf("resnet20's stem for 224 px: %s", s)
	}
}

func TestLoadRefusesAnotherModel(t *testing.T) {
	small, other := newNet(t, Spec{Name: "small", Head: MLP, ProjDim: 8}), newNet(t, Spec{Name: "small", Head: MLP, ProjDim: 9})
	before := bits(small)
	for name, state := range map[string][]nn.Tensor{
		"missing": small.State()[1:], "another shape": other.State(),
		"unknown": append(small.State(), nn.Tensor{Name: "encoder.conv9.weight"}),
	} {
		if err := small.Load(state); err == nil || fault.Of(err) != fault.Checkpoint {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if !slices.Equal(bits(small), before) {
		t.Error("a refused state changed the net")
	}
}

func TestGraphErrors(t *testing.T) {
	e := engine(t, 1)
	n := newNet(t, Spec{Name: "small", Head: MLP, ProjDim: 8})
	if _, err := n.TrainGraph(e, Shape{4, 1, 1}, contrastive); err == nil || !strings.Contains(err.Error(), "small") {
		t.Errorf("1 px images: error %v", err)
	}
	if _, err := n.TrainGraph(e, Shape{4, 8, 8}, loss.Config{Variant: "x", Temperature: 1}); fault.Of(err) != fault.Usage || err == nil {
		t.Errorf("unknown loss: error %v", err)
	}
	g, err := n.TrainGraph(e, Shape{4, 8, 8}, contrastive)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.SetInput(make([]float32, 5), make([]int, 4)); err == nil {
		t.Error("a batch of another size passed")
	}
	if err := g.SetInput(make([]float32, 4*8*8*3), []int{0, 1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Run(); err == nil || !strings.Contains(err.Error(), "positive") {
		t.Errorf("a batch without positives: error %v", err)
	}
	if err := g.SetInput(images(1, 4, 8, []int{0, 0, 1, 1}), []int{0, 0, 1, 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Run(); err != nil {
		t.Errorf("the next good batch: %v", err)
	}
}
