package loader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"supcon/pkg/augment"
	"supcon/pkg/dataset"
	"supcon/pkg/fault"
	"supcon/pkg/random"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const side = 12

// folder writes n noise pictures in two classes and returns the opened set; the
// images at the positions in bad are not decodable.
func folder(t testing.TB, n int, bad ...int) *dataset.Set {
	t.Helper()
	root := t.TempDir()
	for i := range n {
		dir := filepath.Join(root, []string{"left", "right"}[2*i/n])
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		img := image.NewNRGBA(image.Rect(0, 0, side+i%3, side))
		rng := random.New(uint64(i), random.Bench)
		for k := range img.Pix {
			img.Pix[k] = uint8(rng.Uint64()) | uint8(255*(k%4/3))
		}
		var buffer bytes.Buffer
		if err := png.Encode(&buffer, img); err != nil {
			t.Fatal(err)
		}
		data := buffer.Bytes()
		if slices.Contains(bad, i) {
			data = data[:len(data)/2]
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.png", i)), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	set, err := dataset.Open(root, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func recipe(t testing.TB, name string) *augment.Recipe {
	t.Helper()
	r, err := augment.New(name, side, [3]float32{0.5, 0.5, 0.5}, [3]float32{0.25, 0.25, 0.25})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// take copies batches out of a loader started at a step.
func take(t testing.TB, set *dataset.Set, o Options, step, count int) []Batch {
	t.Helper()
	l, err := New(set, recipe(t, "cifar"), o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Start(t.Context(), step)
	var batches []Batch
	for range count {
		b, err := l.Next()
		if err != nil {
			t.Fatal(err)
		}
		batches = append(batches, Batch{slices.Clone(b.X), slices.Clone(b.Labels), slices.Clone(b.Index), b.Epoch, b.Step})
	}
	return batches
}

func TestBatchesDependOnSeedAndStepAlone(t *testing.T) {
	set := folder(t, 23, 4, 11)
	o := Options{Batch: 5, Views: 2, Workers: 1, Seed: 3}
	want := take(t, set, o, 0, 10) // two epochs and a half
	for name, got := range map[string][]Batch{
		"2 workers": take(t, set, Options{Batch: 5, Views: 2, Workers: 2, Seed: 3}, 0, 10),
		"8 workers": take(t, set, Options{Batch: 5, Views: 2, Workers: 8, Seed: 3}, 0, 10),
		"no cache":  take(t, set, Options{Batch: 5, Views: 2, Workers: 2, Seed: 3, CacheBytes: -1}, 0, 10),
		"resumed":   append(take(t, set, o, 0, 3), append(take(t, set, o, 3, 3), take(t, set, o, 6, 4)...)...),
	} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: other batches (-want +got):\n%.2000s", name, diff)
		}
	}
	if other := take(t, set, Options{Batch: 5, Views: 2, Workers: 2, Seed: 4}, 0, 1); cmp.Equal(want[0], other[0]) {
		t.Error("another seed gives the same batch")
	}
}

func TestAnEpochIsAPermutationWithoutTheRest(t *testing.T) {
	const n, batch = 23, 5
	set := folder(t, n)
	batches := take(t, set, Options{Batch: batch, Views: 1, Seed: 1}, 0, 8)
	var orders [2][]int
	for step, b := range batches {
		if b.Epoch != step/4 || b.Step != step {
			t.Errorf("batch %d says epoch %d, step %d", step, b.Epoch, b.Step)
		}
		for k, index := range b.Index {
			if b.Labels[k] != set.Items[index].Label {
				t.Errorf("image %d has label %d, want %d", index, b.Labels[k], set.Items[index].Label)
			}
		}
		orders[b.Epoch] = append(orders[b.Epoch], b.Index...)
	}
	for epoch, order := range orders {
		if sorted := slices.Sorted(slices.Values(order)); len(sorted) != 20 || len(slices.Compact(sorted)) != 20 {
			t.Errorf("epoch %d has the images %v, want 20 different ones", epoch, order)
		}
	}
	if slices.Equal(orders[0], orders[1]) {
		t.Error("two epochs have the same order")
	}
}

// The rows are view-major, and each is the view of (seed, epoch, index, view).
func TestRowsAreViewMajor(t *testing.T) {
	set := folder(t, 9)
	r := recipe(t, "cifar")
	size := 3 * side * side
	for _, b := range take(t, set, Options{Batch: 4, Views: 3, Seed: 7}, 1, 2) {
		for n, index := range b.Index {
			img, err := set.Decode(index)
			if err != nil {
				t.Fatal(err)
			}
			for v := range 3 {
				want := make([]float32, size)
				r.View(want, img, random.New(7, random.View, uint64(b.Epoch), uint64(index), uint64(v)))
				if got := b.X[(v*4+n)*size:][:size]; !slices.Equal(got, want) {
					t.Fatalf("row of view %d, image %d is not that image's view", v, n)
				}
			}
		}
	}
}

func TestAnUnreadableImageIsReplacedByTheNextInOrder(t *testing.T) {
	const bad = 5
	whole, broken := folder(t, 12), folder(t, 12, bad)
	o := Options{Batch: 4, Views: 2, Seed: 2, Workers: 3}
	want, got := take(t, whole, o, 0, 3), take(t, broken, o, 0, 3)
	var order []int
	for _, b := range want {
		order = append(order, b.Index...)
	}
	at := slices.Index(order, bad)
	standIn := order[(at+1)%len(order)]
	var replaced []int
	for _, b := range got {
		replaced = append(replaced, b.Index...)
	}
	order[at] = standIn
	if !slices.Equal(order, replaced) {
		t.Errorf("order with a bad image is %v, want %v", replaced, order)
	}
	size := 3 * side * side
	row := func(position int) []float32 { return got[position/4].X[position%4*size:][:size] }
	if slices.Equal(row(at), row((at+1)%len(order))) {
		t.Error("the stand-in repeats the view of its own row")
	}
}

func TestSkippedImagesAreNamedOnce(t *testing.T) {
	set := folder(t, 12, 5, 8)
	l, err := New(set, recipe(t, "cifar"), Options{Batch: 4, Views: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Start(t.Context(), 0)
	for range 9 {
		if _, err := l.Next(); err != nil {
			t.Fatal(err)
		}
	}
	skips := l.Skipped()
	if len(skips) != 2 || skips[0].Path != set.Items[5].Path || skips[1].Path != set.Items[8].Path {
		t.Errorf("skipped %v, want images 5 and 8 once each", skips)
	}
	for _, skip := range skips {
		if !strings.Contains(skip.Reason, "truncated PNG") || !strings.Contains(skip.Reason, skip.Path) {
			t.Errorf("the reason %q does not say what is wrong with %s", skip.Reason, skip.Path)
		}
	}
	if l.Wait() <= 0 {
		t.Error("no waiting time was measured")
	}
}

func TestBadInputEndsWithItsKind(t *testing.T) {
	next := func(set *dataset.Set, o Options) error {
		l, err := New(set, recipe(t, "cifar"), o)
		if err != nil {
			return err
		}
		defer l.Close()
		l.Start(t.Context(), 0)
		_, err = l.Next()
		return err
	}
	small := folder(t, 6, 0)
	cases := []struct {
		name string
		err  error
		kind fault.Kind
		says []string
	}{
		{"batch too large", next(small, Options{Batch: 7, Views: 2}), fault.Usage, []string{"7", "6 images"}},
		{"no batch", next(small, Options{Views: 2}), fault.Usage, []string{"batch size is 0"}},
		{"no views", next(small, Options{Batch: 2}), fault.Usage, []string{"views is 0"}},
		{"nothing readable", next(folder(t, 3, 0, 1, 2), Options{Batch: 2, Views: 2}), fault.Data, []string{"none of the 3 images"}},
		{"odd per class", next(small, Options{Batch: 4, Views: 2, PerClass: 3}), fault.Usage, []string{"4 is no multiple of 3"}},
		{"too few classes", next(small, Options{Batch: 6, Views: 2, PerClass: 2}), fault.Usage, []string{"needs 3 classes", "has 2"}},
		{"no classes", next(&dataset.Set{Items: slices.Repeat([]dataset.Item{{Label: -1}}, 9)}, Options{Batch: 6, Views: 2, PerClass: 2}), fault.Usage, []string{"need classes"}},
		{"fail on bad", next(small, Options{Batch: 6, Views: 2, FailOnBad: true}), fault.Data, []string{"left/0000.png"}},
	}
	for _, c := range cases {
		if c.err == nil || fault.Of(c.err) != c.kind {
			t.Errorf("%s: error %v, want one of kind %v", c.name, c.err, c.kind)
			continue
		}
		for _, word := range c.says {
			if !strings.Contains(c.err.Error(), word) {
				t.Errorf("%s: %q does not say %q", c.name, c.err, word)
			}
		}
	}
}

// goleak in TestMain sees what a cancelled or abandoned loader leaves behind.
func TestCancelAndClose(t *testing.T) {
	set := folder(t, 8)
	l, err := New(set, recipe(t, "cifar"), Options{Batch: 4, Views: 2, Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Next(); err == nil {
		t.Error("Next before Start gave a batch")
	}
	ctx, cancel := context.WithCancel(t.Context())
	l.Start(ctx, 0)
	if _, err := l.Next(); err != nil {
		t.Fatal(err)
	}
	cancel()
	for range 3 { // at most two batches were made before
		_, err = l.Next()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling, Next says %v", err)
	}
	l.Start(t.Context(), 5)
	if b, err := l.Next(); err != nil || b.Step != 5 {
		t.Errorf("restarted at 5: batch %v, error %v", b, err)
	}
	l.Close()
	l.Close()
}

func TestWholeVisitsTheSetInOrder(t *testing.T) {
	set := folder(t, 11, 2, 4, 5)
	r := recipe(t, "cifar")
	size := 3 * side * side
	for _, batch := range []int{1, 2, 4, 50} {
		var visited []int
		skips, err := Whole(t.Context(), set, r, Options{Batch: batch, Workers: 3}, func(b *Batch) error {
			if len(b.Index) == 0 || len(b.Index) > batch || len(b.X) != size*len(b.Index) || len(b.Labels) != len(b.Index) {
				t.Errorf("a batch of %d rows, %d labels, %d values", len(b.Index), len(b.Labels), len(b.X))
			}
			for row, index := range b.Index {
				img, err := set.Decode(index)
				if err != nil {
					return err
				}
				want := make([]float32, size)
				if r.Whole(want, img); !slices.Equal(want, b.X[row*size:][:size]) || b.Labels[row] != set.Items[index].Label {
					t.Errorf("batches of %d: row of image %d is not its square", batch, index)
				}
			}
			visited = append(visited, b.Index...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := []int{0, 1, 3, 6, 7, 8, 9, 10}; !slices.Equal(visited, want) {
			t.Errorf("batches of %d: visited %v, want %v", batch, visited, want)
		}
		if len(skips) != 3 || skips[0].Path != set.Items[2].Path || skips[2].Path != set.Items[5].Path {
			t.Errorf("batches of %d: skipped %v", batch, skips)
		}
	}
}

func TestWholeEnds(t *testing.T) {
	stop := errors.New("enough")
	r := recipe(t, "none")
	if _, err := Whole(t.Context(), folder(t, 9), r, Options{Batch: 2, Workers: 2}, func(*Batch) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the error of use came back as %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Whole(ctx, folder(t, 9), r, Options{Batch: 2, Workers: 2}, func(*Batch) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Whole(t.Context(), folder(t, 2, 0, 1), r, Options{Batch: 2, Workers: 2}, func(*Batch) error { return nil }); fault.Of(err) != fault.Data {
		t.Errorf("nothing readable: %v", err)
	}
}

func TestNextAllocatesNothingOfNote(t *testing.T) {
	set := folder(t, 32)
	l, err := New(set, recipe(t, "cifar"), Options{Batch: 16, Views: 2, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Start(t.Context(), 0)
	next := func() {
		if _, err := l.Next(); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 { // every crop size has been met on every worker
		next()
	}
	// A batch has 32 rows; a few words for its task remain.
	if allocations := testing.AllocsPerRun(40, next); allocations > 12 {
		t.Errorf("%v allocations a batch, want a handful", allocations)
	}
}

// labels is a set of the given class sizes, without files.
func labels(counts ...int) *dataset.Set {
	set := &dataset.Set{Classes: make([]string, len(counts))}
	for label, n := range counts {
		for range n {
			set.Items = append(set.Items, dataset.Item{Label: label})
		}
	}
	return set
}

func TestBalancedBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := labels(rapid.SliceOfN(rapid.IntRange(0, 40), 3, 8).Draw(t, "counts")...)
		classes := 0
		for _, n := range set.ClassCounts() {
			classes += min(n, 1)
		}
		perClass := rapid.IntRange(1, 4).Draw(t, "per class")
		o := Options{Batch: perClass * rapid.IntRange(1, max(1, classes)).Draw(t, "classes"), PerClass: perClass, Seed: 3}
		if set.Len() < o.Batch {
			t.Skip("no batch")
		}
		order := epochOrder(set, o, 2)
		if !cmp.Equal(order, epochOrder(set, o, 2), cmp.AllowUnexported(place{})) {
			t.Fatal("an epoch has two orders")
		}
		if len(order) != set.Len()/o.Batch*o.Batch {
			t.Fatalf("%d rows of %d images in batches of %d", len(order), set.Len(), o.Batch)
		}
		groups, seen := map[int]int{}, map[place]bool{}
		for first := 0; first < len(order); first += o.Batch {
			batch := map[int]int{}
			for _, p := range order[first : first+o.Batch] {
				batch[set.Items[p.index].Label]++
				if seen[p] {
					t.Fatalf("image %d comes twice as repeat %d", p.index, p.repeat)
				}
				seen[p] = true
				if p.repeat > 0 && !seen[place{p.index, p.repeat - 1}] {
					t.Fatalf("image %d comes as repeat %d before repeat %d", p.index, p.repeat, p.repeat-1)
				}
			}
			for label, n := range batch {
				if n != perClass {
					t.Fatalf("a batch has %d images of class %d, want %d", n, label, perClass)
				}
				groups[label]++
			}
		}
		least, most := len(order), 0
		for label, n := range set.ClassCounts() {
			if n > 0 {
				least, most = min(least, groups[label]), max(most, groups[label])
			}
		}
		if most-least > 1 {
			t.Fatalf("classes come %d to %d times", least, most)
		}
	})
}

func TestBalancedBatchesDependOnSeedAndStepAlone(t *testing.T) {
	set := folder(t, 22)
	o := Options{Batch: 4, Views: 2, Workers: 1, Seed: 3, PerClass: 2}
	want := take(t, set, o, 0, 8)
	o.Workers = 3
	if diff := cmp.Diff(want, append(take(t, set, o, 0, 4), take(t, set, o, 4, 4)...)); diff != "" {
		t.Errorf("resumed with other workers (-want +got):\n%.1000s", diff)
	}
	for _, b := range want {
		if sorted := slices.Sorted(slices.Values(b.Labels)); !slices.Equal(sorted, []int{0, 0, 1, 1}) {
			t.Errorf("labels %v, want two of each class", b.Labels)
		}
	}
}

func TestCacheKeepsToItsBudget(t *testing.T) {
	set := folder(t, 12)
	for budget, want := range map[int64]int{-1: 0, 4*side*side + pictureOverhead: 1, 1 << 20: 12} {
		c := newCache(set, budget)
		for range 2 {
			for i := range set.Len() {
				if _, err := c.get(i); err != nil {
					t.Fatal(err)
				}
			}
		}
		kept := 0
		for i := range c.images {
			if c.images[i].Load() != nil {
				kept++
			}
		}
		if kept != want {
			t.Errorf("a budget of %d bytes keeps %d pictures, want %d", budget, kept, want)
		}
	}
}

// Batches under way are by the old recipe, in memory of its size.
func TestSetRecipeEndsTheBatchesUnderWay(t *testing.T) {
	l, err := New(folder(t, 12), recipe(t, "cifar"), Options{Batch: 4, Views: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Start(t.Context(), 0)
	larger, err := augment.New("cifar", 2*side, [3]float32{}, [3]float32{1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	l.SetRecipe(larger)
	if _, err := l.Next(); err == nil {
		t.Fatal("a batch of the old recipe came after the new one was set")
	}
	l.Start(t.Context(), 0)
	if b, err := l.Next(); err != nil || len(b.X) != 2*4*rowSize(larger) {
		t.Errorf("%v, want a batch of larger views", err)
	}
}

func TestCacheHoldsAll(t *testing.T) {
	set := folder(t, 12)
	const picture = 4*(side+1)*side + pictureOverhead // in the mean
	for budget, want := range map[int64]bool{-1: false, 11 * picture: false, 12 * picture: true} {
		c := newCache(set, budget)
		if c.holdsAll() {
			t.Errorf("a budget of %d bytes holds pictures of which none is known", budget)
		}
		for i := range 3 {
			if _, err := c.get(i); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.holdsAll(); got != want {
			t.Errorf("a budget of %d bytes holds all: %v, by three pictures of %d", budget, got, picture)
		}
	}
}

func TestMemoryOfTheMachine(t *testing.T) {
	if got := parseMemory("MemFree:  1 kB\nMemTotal:       16384 kB\n", 5); got != 16<<20 {
		t.Errorf("16,384 kB are %d bytes", got)
	}
	if got := parseMemory("nothing of use", 5); got != 5 {
		t.Errorf("unknown is %d", got)
	}
	if DefaultCacheBytes() < 1<<20 {
		t.Errorf("the cache may take %d bytes only", DefaultCacheBytes())
	}
}
