package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"supcon/pkg/fault"
	"supcon/pkg/internal/numtest"
	"supcon/pkg/kernel"
	"supcon/pkg/random"
)

func TestGoldenKNN(t *testing.T) {
	var file struct {
		Cases []struct {
			K                  int
			Temperature        float64
			Classes            int `json:"num_classes"`
			Bank, Query        numtest.Array
			BankLabels         []int       `json:"bank_labels"`
			QueryLabels        []int       `json:"query_labels"`
			NeighborIndices    [][]int     `json:"neighbor_indices"`
			NeighborSimilarity [][]float64 `json:"neighbor_similarity"`
			ClassScores        [][]float64 `json:"class_scores"`
			PredTop1           []int       `json:"pred_top1"`
			Top1Accuracy       float64     `json:"top1_accuracy"`
		}
	}
	numtest.Golden(t, "knn.json", &file)
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	for i, c := range file.Cases {
		for _, branch := range kernel.Branches() {
			e, err := kernel.New(kernel.Options{Branch: branch})
			if err != nil {
				t.Fatal(err)
			}
			knn, err := NewKNN(e, float32s(c.Bank.Data), c.BankLabels, c.Classes, KNNOptions{K: c.K, Tau: c.Temperature})
			if err != nil {
				t.Fatal(err)
			}
			scores := make([]float64, c.Classes)
			err = knn.Neighbours(context.Background(), float32s(c.Query.Data), func(q int, nearest []Neighbour) {
				what := fmt.Sprintf("case %d, %s, query %d", i, branch, q)
				wantSimilarity := c.NeighborSimilarity[q]
				var similarity []float64
				for rank, neighbour := range nearest {
					similarity = append(similarity, float64(neighbour.Similarity))
					// Where float64 tells two apart by less than float32 can, either may stand first.
					if want := c.NeighborIndices[q][rank]; neighbour.Index != want && math.Abs(wantSimilarity[rank]-similarityOf(nearest, want)) > 1e-6 {
						t.Errorf("%s: neighbour %d is %d, want %d", what, rank, neighbour.Index, want)
					}
				}
				numtest.Close(t, what+": similarity", similarity, wantSimilarity, numtest.Tolerance{Floor: 1e-6})
				best := knn.Score(scores, nearest)
				if best != c.PredTop1[q] {
					t.Errorf("%s: class %d, want %d", what, best, c.PredTop1[q])
				}
				for class := range scores {
					scores[class] *= math.Exp(wantSimilarity[0] / c.Temperature)
				}
				// An error ε of a similarity is one of ε/τ of its weight.
				numtest.Close(t, what+": scores", scores, c.ClassScores[q], numtest.Tolerance{Relative: 1e-6 / c.Temperature})
			})
			if err != nil {
				t.Fatal(err)
			}
			r, err := knn.Evaluate(context.Background(), float32s(c.Query.Data), c.QueryLabels)
			if err != nil || math.Abs(r.Top1-100*c.Top1Accuracy) > 1e-9 || r.K != min(c.K, len(c.BankLabels)) {
				t.Errorf("case %d, %s: %+v (%v), want top-1 %v", i, branch, r, err, 100*c.Top1Accuracy)
			}
		}
	}
}

func similarityOf(nearest []Neighbour, index int) float64 {
	for _, n := range nearest {
		if n.Index == index {
			return float64(n.Similarity)
		}
	}
	return math.Inf(1)
}

func float32s(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// However the similarities are cut, the selection is the head of the full sort.
func TestSelectionIsTheHeadOfTheSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		similarity := rapid.SliceOfN(rapid.Map(rapid.IntRange(-3, 3), func(i int) float32 { return float32(i) / 3 }), 1, 60).Draw(t, "similarity")
		k := rapid.IntRange(1, len(similarity)).Draw(t, "k")
		cut := rapid.IntRange(0, len(similarity)).Draw(t, "cut")
		all := make(selection, len(similarity))
		for i, s := range similarity {
			all[i] = Neighbour{i, s}
		}
		slices.SortStableFunc(all, func(a, b Neighbour) int { return int(3*b.Similarity) - int(3*a.Similarity) })
		got := make(selection, 0, k).offer(0, similarity[:cut]).offer(cut, similarity[cut:])
		got.sort()
		if diff := cmp.Diff(all[:k], got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A bank and a query set of several blocks, against the sort of all cosines.
func TestNeighboursAcrossBlocks(t *testing.T) {
	const n, q, d, k = 2*rowBlock + 37, queryBlock + 5, 8, 25
	bank, labels := blobs(n, d, 3, 1, 1)
	queries, _ := blobs(q, d, 3, 1, 2)
	copy(bank[(n-1)*d:], queries[:d]) // the first query itself, twice: a tie over the blocks
	copy(bank[3*d:4*d], queries[:d])
	knn, err := NewKNN(engine(t, 2), bank, labels, 3, KNNOptions{K: k})
	if err != nil {
		t.Fatal(err)
	}
	visited := 0
	err = knn.Neighbours(context.Background(), queries, func(i int, nearest []Neighbour) {
		if i != visited || len(nearest) != k {
			t.Fatalf("query %d after %d others has %d neighbours", i, visited, len(nearest))
		}
		visited++
		if i == 0 && (nearest[0].Index != 3 || nearest[1].Index != n-1) {
			t.Errorf("equal rows 3 and %d come as %+v", n-1, nearest[:2])
		}
		if i%50 != 0 {
			return
		}
		all := make([]float64, n)
		for row := range all {
			all[row] = cosine(bank[row*d:(row+1)*d], queries[i*d:(i+1)*d])
		}
		sorted := slices.Clone(all)
		slices.Sort(sorted)
		for rank, neighbour := range nearest {
			if want := sorted[n-1-rank]; math.Abs(all[neighbour.Index]-want) > 1e-6 || math.Abs(float64(neighbour.Similarity)-want) > 1e-6 {
				t.Errorf("query %d, rank %d: %+v has cosine %v, want %v", i, rank, neighbour, all[neighbour.Index], want)
			}
		}
	})
	if err != nil || visited != q {
		t.Errorf("%d queries visited of %d (%v)", visited, q, err)
	}
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func TestKAboveTheBank(t *testing.T) {
	bank, labels := blobs(30, 4, 3, 20, 1)
	knn, err := NewKNN(engine(t, 0), bank, labels, 3, KNNOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := knn.Evaluate(context.Background(), bank, labels)
	if err != nil || r.K != 30 || r.KAsked != 200 || r.Bank != 30 || r.Tau != 0.1 || r.Top1 != 100 {
		t.Errorf("%+v (%v)", r, err)
	}
	exact, err := NewKNN(engine(t, 0), bank, labels, 3, KNNOptions{K: 30})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := exact.Evaluate(context.Background(), bank, labels); err != nil || r.KAsked != 0 {
		t.Errorf("%+v (%v): k was not changed", r, err)
	}
}

// exp(1/τ) overflows below τ = 0.0014; the scores must not.
func TestTinyTemperature(t *testing.T) {
	bank, labels := blobs(30, 4, 3, 20, 1)
	knn, err := NewKNN(engine(t, 0), bank, labels, 3, KNNOptions{K: 5, Tau: 1e-4})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := knn.Evaluate(context.Background(), bank, labels); err != nil || r.Top1 != 100 {
		t.Errorf("%+v (%v)", r, err)
	}
}

func TestKNNErrors(t *testing.T) {
	bank, labels := blobs(30, 4, 3, 1, 1)
	e := engine(t, 0)
	for name, c := range map[string]struct {
		o    KNNOptions
		x    []float32
		kind fault.Kind
	}{
		"k":      {KNNOptions{K: -1}, bank, fault.Usage},
		"tau":    {KNNOptions{Tau: -1}, bank, fault.Usage},
		"finite": {KNNOptions{}, append([]float32{float32(math.NaN())}, bank[1:]...), fault.Checkpoint},
	} {
		if _, err := NewKNN(e, c.x, labels, 3, c.o); err == nil || fault.Of(err) != c.kind {
			t.Errorf("%s: error %v", name, err)
		}
	}
	knn, err := NewKNN(e, bank, labels, 3, KNNOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := knn.Evaluate(context.Background(), bank[:90], labels); fault.Of(err) != fault.Checkpoint {
		t.Errorf("features of another size: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := knn.Evaluate(ctx, bank, labels); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestWilson(t *testing.T) {
	for _, c := range []struct {
		correct, n int
		low, high  float64
	}{
		{0, 0, 0, 100},
		{0, 10, 0, 27.75327998628892},
		{10, 10, 72.24672001371107, 100},
		{5, 10, 23.659309051256394, 76.3406909487436},
		{5270, 10000, 51.720598, 53.677328},
	} {
		low, high := Wilson(c.correct, c.n)
		if math.Abs(low-c.low) > 1e-4 || math.Abs(high-c.high) > 1e-4 {
			t.Errorf("Wilson(%d, %d) = %.6f…%.6f, want %.6f…%.6f", c.correct, c.n, low, high, c.low, c.high)
		}
	}
}

func TestRank(t *testing.T) {
	scores := []float32{1, 3, 3, 2}
	for label, want := range []int{3, 0, 1, 2} {
		if got := Rank(scores, label); got != want {
			t.Errorf("rank of %d is %d, want %d", label, got, want)
		}
	}
}

// Features without a class in them are worth chance, in both judges.
func TestChanceIsChance(t *testing.T) {
	r := random.New(1, random.Bench)
	const n, d, classes = 2000, 16, 4
	x, labels := make([]float32, n*d), make([]int, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	for i := range labels {
		labels[i] = r.IntN(classes)
	}
	half := n / 2
	knn, err := NewKNN(engine(t, 0), x[:half*d], labels[:half], classes, KNNOptions{})
	if err != nil {
		t.Fatal(err)
	}
	k, err := knn.Evaluate(context.Background(), x[half*d:], labels[half:])
	if err != nil {
		t.Fatal(err)
	}
	p, err := fit(t, x[:half*d], labels[:half], classes, ProbeOptions{}).Evaluate(context.Background(), engine(t, 0), x[half*d:], labels[half:])
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(k.Top1-25) > 5 || math.Abs(p.Top1-25) > 5 || !(p.CI95[0] < p.Top1 && p.Top1 < p.CI95[1]) {
		t.Errorf("kNN %.1f %%, probe %.1f %% %v; chance is 25 %%", k.Top1, p.Top1, p.CI95)
	}
}
