package loss

import (
	"errors"
	"fmt"
	"math"
	"os"
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
	for i := range dz { // what Backward has to overwrite
		dz[i] = float32(math.NaN())
	}
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

func engines(t testing.TB) (all []*kernel.Engine) {
	t.Helper()
	for _, branch := range kernel.Branches() {
		e, err := kernel.New(kernel.Options{Threads: 2, Branch: branch})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// agree compares a Forward and Backward on every branch with Naive.
func agree(t *testing.T, cfg Config, z []float64, groups []int, d, lo, hi int, loss, gradient numtest.Tolerance) {
	t.Helper()
	want, err := Naive(cfg, z, groups, d, lo, hi)
	if err != nil {
		t.Skip("no anchor has a positive")
	}
	for _, e := range engines(t) {
		v, dz := run(t, e, cfg, float32s(z), groups, d, lo, hi)
		name := string(e.Branch()) + ": "
		numtest.CloseTo(t, name+"loss", v.Loss, want.Loss, loss)
		numtest.Close(t, name+"dz", dz, want.DZ, gradient)
		if v.Anchors != want.Anchors || v.WithoutPositives != want.WithoutPositives {
			t.Errorf("%s%d anchors and %d without positives, want %d and %d",
				name, v.Anchors, v.WithoutPositives, want.Anchors, want.WithoutPositives)
		}
	}
}

// Batches of one block and of many, an odd number of them and an even one, of
// anchors in the middle, and of temperatures so low that they need the wide form.
func TestBlocksAgreeWithNaive(t *testing.T) {
	for _, c := range []struct{ m, d, classes, lo, hi int }{
		{2, 3, 1, 0, 2}, {leastRows, 33, 4, 0, leastRows}, {leastRows + 1, 5, 4, 0, leastRows + 1}, {5*leastRows - 3, 8, 300, 0, 5*leastRows - 3},
		{600, 4, 3, 290, 310}, {600, 4, 3, 0, 300}, {300, 4, 7, 299, 300}, {400, 7, 3, 0, 5},
	} {
		for _, variant := range Variants() {
			for _, tau := range []float64{0.5, 0.1, 0.004} {
				t.Run(fmt.Sprint(c, variant, tau), func(t *testing.T) {
					z, groups := batch(7, c.m, c.d, c.classes)
					looser := max(1, 0.05/tau) // s = ⟨z_i,z_j⟩/τ carries the rounding of float32 divided by τ
					agree(t, Config{Variant: variant, Temperature: tau}, z, groups, c.d, c.lo, c.hi,
						numtest.Tolerance{Relative: 2e-6 * looser, Floor: 1e-6}, numtest.Tolerance{Relative: 5e-6 * looser})
				})
			}
		}
	}
}

// Blocks grow with the batch.
func TestLargerBlocksAgreeWithNaive(t *testing.T) {
	const m, d = wantBlocks*leastRows + 70, 3
	z, groups := batch(7, m, d, 5)
	for _, cfg := range []Config{{SupCon, 0.2, 0}, {SupConIn, 0.004, 0.07}} {
		agree(t, cfg, z, groups, d, 100, m-500, numtest.Tolerance{Relative: 3e-5}, numtest.Tolerance{Relative: 7e-5})
	}
}

// Rows that nobody normalised: the bound on |s_ij| is their length's.
func TestRowsOfAnyLength(t *testing.T) {
	for _, c := range []struct {
		length, tau float64
		wide        bool
	}{{1e-3, 0.5, false}, {1e-3, 1e-6, false}, {4, 1, false}, {30, 0.5, true}, {300, 5000, false}} {
		for _, variant := range Variants() {
			t.Run(fmt.Sprint(c, variant), func(t *testing.T) {
				z, groups := batch(9, 150, 6, 4)
				for i := range z {
					z[i] *= c.length * (1 - float64(i/6)/300)
				}
				cfg := Config{Variant: variant, Temperature: c.tau}
				looser := max(1, c.length*c.length/c.tau/20)
				agree(t, cfg, z, groups, 6, 0, 150, numtest.Tolerance{Relative: 2e-6 * looser}, numtest.Tolerance{Relative: 5e-6 * looser})
				if l := forward(t, cfg, z, groups, 6); l.wide != c.wide {
					t.Errorf("wide is %v", l.wide)
				}
			})
		}
	}
}

// At the edge of the narrow form: every s_ij is as large or as small as it may
// be, and positives are opposite each other.
func TestEdgeOfTheNarrowForm(t *testing.T) {
	z := []float64{1, 0, -1, 0, 1, 0, -1, 0, 0, 1}
	groups := []int{0, 0, 1, 1, 0}
	for _, variant := range []Variant{SupCon, SupConIn} {
		for _, c := range []struct {
			tau  float64
			wide bool
		}{{1. / 78, false}, {1. / 82, true}} {
			cfg := Config{Variant: variant, Temperature: c.tau}
			agree(t, cfg, z, groups, 2, 0, 5, numtest.Tolerance{Relative: 1e-6}, numtest.Tolerance{Relative: 1e-6})
			if l := forward(t, cfg, z, groups, 2); l.wide != c.wide {
				t.Errorf("τ = %v: wide is %v", c.tau, l.wide)
			}
		}
	}
}

func forward(t *testing.T, cfg Config, z []float64, groups []int, d int) *Loss {
	t.Helper()
	l, err := New(engine(t, 1), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Forward(float32s(z), groups, d, 0, len(groups)); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTournament(t *testing.T) {
	for count := 1; count <= 41; count++ {
		b := blocks{count: count}
		met := map[[2]int]int{}
		seats := count + count%2
		for b.round = -1; b.round < seats-1; b.round++ {
			tasks, busy := seats/2, map[int]bool{}
			if b.round < 0 {
				tasks = count
			}
			for k := range tasks {
				i, j := b.pair(k)
				if j == count {
					continue
				}
				if busy[i] || i != j && busy[j] {
					t.Fatalf("%d blocks, round %d: pair (%d,%d) shares a block with another", count, b.round, i, j)
				}
				busy[i], busy[j] = true, true
				met[[2]int{i, j}]++
			}
		}
		for i := range count {
			for j := i; j < count; j++ {
				if met[[2]int{i, j}] != 1 {
					t.Errorf("%d blocks: %d and %d met %d times", count, i, j, met[[2]int{i, j}])
				}
			}
		}
	}
}

func TestSameBitsForEveryNumberOfThreads(t *testing.T) {
	z, groups := batch(3, 500, 16, 10)
	for _, cfg := range []Config{{SimCLR, 0.1, 0}, {SupCon, 0.1, 0}, {SupConIn, 0.1, 0}, {SupCon, 0.004, 0}} {
		v1, dz1 := run(t, engine(t, 1), cfg, float32s(z), groups, 16, 0, 500)
		for _, threads := range []int{2, 3} {
			v, dz := run(t, engine(t, threads), cfg, float32s(z), groups, 16, 0, 500)
			if v != v1 || !slices.Equal(dz, dz1) {
				t.Errorf("%v: %d threads give other bits than one", cfg, threads)
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

// A similarity matrix of these batches would be 64 MiB, and 16 GiB;
// at most 1 GiB is allowed there beside Z and dZ.
func TestMemoryIsLinear(t *testing.T) {
	cases := []struct{ m, d, most int }{{4096, 4, 4 << 20}}
	if os.Getenv("SUPCON_FULL") != "" {
		cases = append(cases, struct{ m, d, most int }{65536, 128, 128 << 20})
	}
	for _, c := range cases {
		z64, groups := batch(3, c.m, c.d, 10)
		z, dz, e := float32s(z64), make([]float32, c.m*c.d), engine(t, 2)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		l, err := New(e, Config{Variant: SupConIn, Temperature: 0.1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Forward(z, groups, c.d, 0, c.m); err != nil {
			t.Fatal(err)
		}
		if err := l.Backward(dz); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		bytes := after.TotalAlloc - before.TotalAlloc
		t.Logf("M = %d, D = %d: %.1f MiB", c.m, c.d, float64(bytes)/(1<<20))
		if bytes > uint64(c.most) {
			t.Errorf("%d bytes for %d rows", bytes, c.m)
		}
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
