package dataset

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"supcon/pkg/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bare is a set with the given numbers of items per class and no files.
func bare(counts ...int) *Set {
	s := &Set{Root: "somewhere"}
	for label, n := range counts {
		s.Classes = append(s.Classes, fmt.Sprintf("c%02d", label))
		for i := range n {
			s.Items = append(s.Items, Item{Path: fmt.Sprintf("c%02d/%04d.jpg", label, i), Label: label})
		}
	}
	return s
}

func TestSplitIsStratified(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := rapid.SliceOfN(rapid.IntRange(1, 60), 1, 12).Draw(t, "counts")
		fraction := rapid.Float64Range(0, 1).Draw(t, "fraction")
		s := bare(counts...)
		train, held := s.Split(fraction, rapid.Uint64().Draw(t, "seed"))
		both := append(slices.Clone(train.Items), held.Items...)
		for _, part := range []*Set{train, held} {
			if !slices.IsSortedFunc(part.Items, func(a, b Item) int { return strings.Compare(a.Path, b.Path) }) {
				t.Fatal("a part is not sorted")
			}
		}
		slices.SortFunc(both, func(a, b Item) int { return strings.Compare(a.Path, b.Path) })
		if diff := cmp.Diff(s.Items, both); diff != "" {
			t.Fatalf("the parts do not make the set: %s", diff)
		}
		kept := train.ClassCounts()
		for label, n := range held.ClassCounts() {
			share := fraction * float64(counts[label])
			most := min(int(math.Floor(share))+1, counts[label]-1)
			if least := min(int(math.Floor(share)), counts[label]-1); n < least || n > most || kept[label] < 1 {
				t.Fatalf("class %d of %d gave %d at %g", label, counts[label], n, fraction)
			}
		}
	})
}

func TestSplitTotalsAndSeeds(t *testing.T) {
	s := bare(5, 5, 5, 5, 13)
	_, held := s.Split(0.1, 1)
	if held.Len() != 3 {
		t.Errorf("0.1 of 33 images holds out %d, want 3", held.Len())
	}
	_, again := s.Split(0.1, 1)
	_, other := s.Split(0.1, 2)
	if !cmp.Equal(held.Items, again.Items) || cmp.Equal(held.Items, other.Items) {
		t.Error("the part held out is not a function of the seed")
	}
	if _, none := s.Split(0, 1); none.Len() != 0 {
		t.Errorf("a fraction of 0 holds out %d images", none.Len())
	}
	unlabelled := &Set{Items: []Item{{"a", -1}, {"b", -1}, {"c", -1}, {"d", -1}}}
	if train, held := unlabelled.Split(0.25, 1); train.Len() != 3 || held.Len() != 1 {
		t.Errorf("0.25 of 4 unlabelled images: %d and %d", train.Len(), held.Len())
	}
}

func TestMatchClassesGoesByName(t *testing.T) {
	s := bare(1, 2, 1)
	s.Classes = []string{"ant", "bee", "cow"}
	must(t, s.MatchClasses([]string{"cow", "dog", "bee", "ant"}))
	want := []string{"ant:c00/0000.jpg", "bee:c01/0000.jpg", "bee:c01/0001.jpg", "cow:c02/0000.jpg"}
	if diff := cmp.Diff(want, labelled(s)); diff != "" || len(s.Classes) != 4 {
		t.Errorf("classes %v (-want +got):\n%s", s.Classes, diff)
	}
	before := slices.Clone(s.Items)
	err := s.MatchClasses([]string{"cow", "bee"})
	if fault.Of(err) != fault.Data || !strings.Contains(err.Error(), `class "ant"`) || !strings.Contains(err.Error(), "cow, bee") {
		t.Errorf("an unknown class: %v", err)
	}
	if !cmp.Equal(before, s.Items) || len(s.Classes) != 4 {
		t.Error("a failed match changed the set")
	}
	if err := (&Set{Items: []Item{{"a.jpg", -1}}}).MatchClasses([]string{"a"}); fault.Of(err) != fault.Data {
		t.Errorf("a set without classes: %v", err)
	}
}

func TestSelectKeepsOrderAndClasses(t *testing.T) {
	got := bare(2, 2).Select([]int{3, 0, 3})
	if diff := cmp.Diff([]string{"c01:c01/0001.jpg", "c00:c00/0000.jpg", "c01:c01/0001.jpg"}, labelled(got)); diff != "" {
		t.Error(diff)
	}
}

// pictures writes flat pictures of the given colours and sizes, and one broken.
func pictures(t *testing.T) *Set {
	root := tree(t, "a/")
	for i, p := range []struct {
		width, height int
		c             color.NRGBA
	}{{40, 10, color.NRGBA{255, 0, 51, 255}}, {20, 30, color.NRGBA{0, 0, 51, 255}}, {25, 26, color.NRGBA{255, 255, 51, 255}}} {
		img := image.NewNRGBA(image.Rect(0, 0, p.width, p.height))
		for k := range p.width * p.height {
			img.SetNRGBA(k%p.width, k/p.width, p.c)
		}
		must(t, os.WriteFile(filepath.Join(root, "a", fmt.Sprintf("%d.png", i)), encode(t, "PNG", img), 0o666))
	}
	must(t, os.WriteFile(filepath.Join(root, "a", "broken.png"), []byte("\x89PNG\r\n\x1a\n"), 0o666))
	return open(t, root, Options{})
}

func TestStatsWeighEverySquareAlike(t *testing.T) {
	s := pictures(t)
	corner := func(img *image.NRGBA) *image.NRGBA { return img.SubImage(image.Rect(0, 0, 8, 8)).(*image.NRGBA) }
	for _, workers := range []int{0, 1, 3} {
		got, err := ComputeStats(t.Context(), s, corner, workers)
		if err != nil {
			t.Fatal(err)
		}
		spread := float32(math.Sqrt(2) / 3)
		want := Stats{Mean: [3]float32{2. / 3, 1. / 3, 0.2}, Std: [3]float32{spread, spread, 1. / 255}, MedianShorterSide: 20, Unreadable: 1}
		if err := got.FirstUnreadable; err == nil || !strings.Contains(err.Error(), "a/broken.png") {
			t.Errorf("the first unreadable image: %v", err)
		}
		got.FirstUnreadable = nil
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 })); diff != "" {
			t.Errorf("%d workers (-want +got):\n%s", workers, diff)
		}
	}
	if median, err := MedianShorterSide(t.Context(), s, 2); err != nil || median != 20 {
		t.Errorf("median shorter side by the headers: %d, %v", median, err)
	}
	if DefaultImageSize(63) != 32 || DefaultImageSize(64) != 224 {
		t.Error("the default image size changes elsewhere than at 64 pixels")
	}
}

func TestStatsEnd(t *testing.T) {
	square := func(img *image.NRGBA) *image.NRGBA { return img }
	broken := open(t, tree(t, "a/x.jpg"), Options{})
	if _, err := ComputeStats(t.Context(), broken, square, 1); fault.Of(err) != fault.Data || !strings.Contains(err.Error(), "a/x.jpg") {
		t.Errorf("nothing readable: %v", err)
	}
	if _, err := ComputeStats(t.Context(), broken.Select(nil), square, 1); fault.Of(err) != fault.Data || !strings.Contains(err.Error(), "no images") {
		t.Errorf("an empty set: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ComputeStats(ctx, broken, square, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestMaxPixelsOfASet(t *testing.T) {
	s := pictures(t)
	s.MaxPixels = 600
	chosen := s.Select([]int{1, 2})
	if _, err := chosen.Decode(0); err != nil {
		t.Errorf("600 pixels of at most 600: %v", err)
	}
	if _, err := chosen.Decode(1); fault.Of(err) != fault.Data || !strings.Contains(err.Error(), "25×26 pixels are more than the limit of 600") {
		t.Errorf("650 pixels of at most 600: %v", err)
	}
}

func TestCheckFindsWhatIsOdd(t *testing.T) {
	s := pictures(t) // three pictures, of which one is short and one is long, and a broken one
	twin, err := s.Read(1)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(s.Root, "a", "twin.jpg"), twin, 0o666))
	must(t, os.WriteFile(filepath.Join(s.Root, "a", "long.png"), encode(t, "PNG", gradient(20, 81)), 0o666))
	must(t, os.WriteFile(filepath.Join(s.Root, "a", "wide.png"), encode(t, "PNG", gradient(80, 20)), 0o666))
	for _, workers := range []int{1, 4} {
		r, err := Check(t.Context(), open(t, s.Root, Options{}), workers)
		if err != nil {
			t.Fatal(err)
		}
		want := &Report{
			Images: 7, MedianShorterSide: 20, ImageSize: 32, Duplicates: [][]int{{1, 5}},
			Tiny:    []Finding{{"a/0.png", "40×10 pixels"}},
			Extreme: []Finding{{"a/long.png", "20×81 pixels"}},
			Broken:  []Finding{{"a/broken.png", "truncated PNG: unexpected EOF"}},
		}
		if diff := cmp.Diff(want, r); diff != "" {
			t.Errorf("%d workers (-want +got):\n%s", workers, diff)
		}
	}
}
