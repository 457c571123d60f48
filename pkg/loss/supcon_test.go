package loss

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"supcon/pkg/fault"
	"supcon/pkg/internal/numtest"
	"supcon/pkg/kernel"
	"supcon/pkg/random"

	"pgregory.net/rapid"
)

// batch returns m random rows of width d, of unit length, and their groups.
func batch(seed uint64, m, d, classes int) ([]float64, []int) {
	rng := random.New(seed, random.Bench)
	z, groups := make([]float64, m*d), make([]int, m)
	for i := range m {
		groups[i] = rng.IntN(classes)
		row := z[i*d : (i+1)*d]
		for k := range row {
			row[k] = rng.NormFloat64()
		}
		norm := math.Sqrt(numtest.Dot(row, row))
		for k := range row {
			row[k] /= norm
		}
	}
	return z, groups
}

func float32s(x []float64) []float32 { return numtest.Array{Data: x}.Float32() }

func engine(t testing.TB, threads int) *kernel.Engine {
	t.Helper()
	e, err := kernel.New(kernel.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// run is one Forward and Backward.
func run(t testing.TB, e *kernel.Engine, cfg Config, z []float32, groups []int, d, lo, hi int) (Value, []float32) {
	t.Helper()
	l, err := New(e, cfg)
	if err != nil {
		t.Fatal(err)
	}
	v, err := l.Forward(z, groups, d, lo, hi)
	if err != nil {
		t.Fatal(err)
	}
	dz := make([]float32, len(z))
	if err := l.Backward(dz); err != nil {
		t.Fatal(err)
	}
	return v, dz
}

func TestNaiveGradient(t *testing.T) {
	for _, variant := range Variants() {
		z, groups := batch(1, 9, 4, 3)
		cfg := Config{variant, 0.3, 0.07}
		r, err := Naive(cfg, z, groups, 4, 1, 8)
		if err != nil {
			t.Fatal(err)
		}
		numtest.CheckGradient(t, string(variant), func() float64 {
			r, _ := Naive(cfg, z, groups, 4, 1, 8)
			return r.Loss
		}, z, r.DZ, 1e-7)
	}
}

// Batches of more than one tile, of anchors in the middle, and of temperatures
// so low that the two softmaxes of a pair need an exponential each.
func TestTilesAgreeWithNaive(t *testing.T) {
	e := engine(t, 2)
	for _, c := range []struct{ m, d, classes, lo, hi int }{
		{2, 3, 1, 0, 2}, {leastRows + 1, 5, 4, 0, leastRows + 1}, {wantBlocks*leastRows + 3, 8, 300, 0, wantBlocks*leastRows + 3},
		{600, 4, 3, 290, 310}, {600, 4, 3, 0, 300}, {300, 4, 7, 299, 300},
	} {
		for _, variant := range Variants() {
			for _, tau := range []float64{0.5, 0.1, 0.004} {
				t.Run(fmt.Sprint(c, variant, tau), func(t *testing.T) {
					z, groups := batch(7, c.m, c.d, c.classes)
					cfg := Config{Variant: variant, Temperature: tau}
					want, err := Naive(cfg, z, groups, c.d, c.lo, c.hi)
					if err != nil {
						t.Skip("no anchor has a positive")
					}
					v, dz := run(t, e, cfg, float32s(z), groups, c.d, c.lo, c.hi)
					looser := max(1, 0.05/tau) // s = ⟨z_i,z_j⟩/τ carries the rounding of float32 divided by τ
					numtest.CloseTo(t, "loss", v.Loss, want.Loss, numtest.Tolerance{Relative: 2e-6 * looser, Floor: 1e-6})
					numtest.Close(t, "dz", dz, want.DZ, numtest.Tolerance{Relative: 5e-6 * looser})
					if v.Anchors != want.Anchors || v.WithoutPositives != want.WithoutPositives {
						t.Errorf("%d anchors and %d without positives, want %d and %d",
							v.Anchors, v.WithoutPositives, want.Anchors, want.WithoutPositives)
					}
				})
			}
		}
	}
}

func TestSameBitsForEveryNumberOfThreads(t *testing.T) {
	z, groups := batch(3, 500, 16, 10)
	for _, variant := range Variants() {
		cfg := Config{Variant: variant, Temperature: 0.1}
		v1, dz1 := run(t, engine(t, 1), cfg, float32s(z), groups, 16, 0, 500)
		for _, threads := range []int{2, 3} {
			v, dz := run(t, engine(t, threads), cfg, float32s(z), groups, 16, 0, 500)
			if v != v1 || !slices.Equal(dz, dz1) {
				t.Errorf("%s: %d threads give other bits than one", variant, threads)
			}
		}
	}
}

func TestStepAllocatesNothingOfNote(t *testing.T) {
	z64, groups := batch(3, 500, 16, 10)
	z, dz := float32s(z64), make([]float32, 500*16)
	l, err := New(engine(t, 2), Config{Variant: SupCon, Temperature: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	step := func() {
		if _, err := l.Forward(z, groups, 16, 0, 500); err != nil {
			t.Fatal(err)
		}
		if err := l.Backward(dz); err != nil {
			t.Fatal(err)
		}
	}
	step()
	const runs = 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		step()
	}
	runtime.ReadMemStats(&after)
	if bytes := (after.TotalAlloc - before.TotalAlloc) / runs; bytes > 4096 {
		t.Errorf("a step allocates %d bytes", bytes)
	}
}

// A similarity matrix of this batch would be 64 MiB.
func TestMemoryIsLinear(t *testing.T) {
	const m, d = 4096, 4
	z64, groups := batch(3, m, d, 10)
	z, dz, e := float32s(z64), make([]float32, m*d), engine(t, 2)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	l, err := New(e, Config{Variant: SupConIn, Temperature: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Forward(z, groups, d, 0, m); err != nil {
		t.Fatal(err)
	}
	if err := l.Backward(dz); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 4<<20+256*m {
		t.Errorf("%d bytes for %d rows", bytes, m)
	}
}

func TestStatistics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.IntRange(2, 12).Draw(t, "m")
		z, groups := batch(rapid.Uint64().Draw(t, "seed"), m, 3, rapid.IntRange(1, 4).Draw(t, "classes"))
		var g grouping
		var v Value
		g.set(groups)
		g.statistics(&v, float32s(z), 3, make([]float64, 9))
		var same, other, pairs, others float64
		for i := range m {
			for j := range m {
				switch x := numtest.Dot(z[i*3:i*3+3], z[j*3:j*3+3]); {
				case i == j:
				case groups[i] == groups[j]:
					same, pairs = same+x, pairs+1
				default:
					other, others = other+x, others+1
				}
			}
		}
		for _, c := range []struct {
			what           string
			got, sum, many float64
		}{{"positive", v.PositiveSimilarity, same, pairs}, {"negative", v.NegativeSimilarity, other, others}} {
			if want := c.sum / max(1, c.many); math.Abs(c.got-want) > 1e-6 {
				t.Fatalf("%s similarity %v, want %v", c.what, c.got, want)
			}
		}
	})
}

func TestGroupsAreTheDifferenceBetweenEq1AndEq2(t *testing.T) {
	labels := []int{5, 5, -1}
	got := make([]int, 6)
	Groups(got, SupCon, labels)
	if want := []int{5, 5, -1, 5, 5, -1}; !slices.Equal(got, want) {
		t.Errorf("supcon: groups %v, want %v", got, want)
	}
	Groups(got, SimCLR, labels)
	if want := []int{0, 1, 2, 0, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("simclr: groups %v, want %v", got, want)
	}
}

func TestErrors(t *testing.T) {
	for name, cfg := range map[string]Config{
		"variant":          {"triplet", 0.1, 0},
		"temperature 0":    {SupCon, 0, 0},
		"temperature NaN":  {SupCon, math.NaN(), 0},
		"temperature inf":  {SupCon, math.Inf(1), 0},
		"base temperature": {SupCon, 0.1, -1},
	} {
		if _, err := New(engine(t, 1), cfg); err == nil || fault.Of(err) != fault.Usage {
			t.Errorf("%s: error %v", name, err)
		}
	}
	l, _ := New(engine(t, 1), Config{Variant: SupCon, Temperature: 0.1})
	if err := l.Backward(make([]float32, 4)); err == nil {
		t.Error("Backward before Forward passed")
	}
	z := make([]float32, 8)
	for name, f := range map[string]func() (Value, error){
		"size":         func() (Value, error) { return l.Forward(z, []int{1, 1, 1}, 2, 0, 3) },
		"one row":      func() (Value, error) { return l.Forward(z[:2], []int{1}, 2, 0, 1) },
		"empty range":  func() (Value, error) { return l.Forward(z, []int{1, 1, 1, 1}, 2, 2, 2) },
		"beyond":       func() (Value, error) { return l.Forward(z, []int{1, 1, 1, 1}, 2, 2, 5) },
		"no positives": func() (Value, error) { return l.Forward(z, []int{1, 2, 3, 4}, 2, 0, 4) },
	} {
		if _, err := f(); err == nil || name == "no positives" && !errors.Is(err, ErrNoPositives) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
