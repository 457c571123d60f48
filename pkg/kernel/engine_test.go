package kernel

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNewRefusesWrongOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"threads": {Threads: -1}, "branch": {Branch: "mmx"}, "conv": {Conv: "fft"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error for %+v", name, o)
		}
	}
}

func TestBranchesEndWithGeneric(t *testing.T) {
	all := Branches()
	if all[len(all)-1] != Generic {
		t.Fatalf("branches %v do not end with the plain Go one", all)
	}
	best, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if best.Branch() != all[0] || best.Threads() < 1 {
		t.Fatalf("default engine is %s with %d threads, want %s", best.Branch(), best.Threads(), all[0])
	}
}

func TestParallelRunsEachTaskOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 5} {
		e, err := New(Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 2, 3, 100} {
			ran := make([]atomic.Int32, n)
			e.Parallel(n, func(i int) { ran[i].Add(1) })
			for i := range ran {
				if got := ran[i].Load(); got != 1 {
					t.Fatalf("%d threads: task %d of %d ran %d times", threads, i, n, got)
				}
			}
		}
	}
}

// TestHelpersComeAndGo runs loops so far apart that helpers linger, leave and meet the next loop on
// their way out. A task's worker must be its own while it runs, and its writes seen after the loop.
func TestHelpersComeAndGo(t *testing.T) {
	e, err := New(Options{Threads: 3})
	if err != nil {
		t.Fatal(err)
	}
	busy := map[*worker]*atomic.Int32{}
	for _, w := range e.workers {
		busy[w] = &atomic.Int32{}
	}
	for round := range 3000 {
		n := 1 + round%5
		sum := make([]int, n)
		e.each(n, func(w *worker, i int) {
			if busy[w].Add(1) != 1 {
				t.Error("two tasks have one worker")
			}
			sum[i] += i + 1
			busy[w].Add(-1)
		})
		for i, got := range sum {
			if got != i+1 {
				t.Fatalf("round %d: task %d ran %d times", round, i, got/(i+1))
			}
		}
		for pause := time.Now(); round%3 == 0 && time.Since(pause) < linger+time.Duration(round%40-20)*time.Microsecond; {
			runtime.Gosched()
		}
	}
}

func TestPlansKeepTheirScratch(t *testing.T) {
	s := ConvShape{N: 2, H: 9, W: 9, C: 12, K: 40, R: 3, S: 3, Stride: 1, Pad: 1}
	for _, conv := range []string{"auto", "direct"} {
		eachBranch(t, Options{Threads: 2, Conv: conv}, func(t *testing.T, e *Engine) {
			plan, err := e.NewConv(s)
			if err != nil {
				t.Fatal(err)
			}
			planned := e.ScratchBytes()
			x, w, y := make([]float32, s.sizeX()), make([]float32, s.sizeW()), make([]float32, s.sizeY())
			plan.Forward(y, x, w, Epilogue{})
			plan.BackwardData(x, y, w)
			plan.BackwardFilter(w, x, y)
			if e.ScratchBytes() != planned {
				t.Fatalf("scratch grew from %d to %d bytes", planned, e.ScratchBytes())
			}
		})
	}
}

func TestPeakIsPositive(t *testing.T) {
	eachBranch(t, Options{Threads: 1}, func(t *testing.T, e *Engine) {
		if rate := e.PeakGFLOPS(); !(rate > 0.01 && rate < 1e5) {
			t.Fatalf("peak %g GFLOP/s", rate)
		}
	})
}
