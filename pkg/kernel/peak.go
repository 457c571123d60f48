package kernel

import "time"

const (
	peakDepth = 256                   // a tile of this depth stays in the first cache
	peakTime  = 20 * time.Millisecond // of one measurement
	peakTries = 3
)

// PeakGFLOPS measures how many billion operations a second the branch's micro-kernel does on
// operands in the first cache, all threads together: the ceiling for everything else here.
func (e *Engine) PeakGFLOPS() float64 {
	best := 0.0
	for range peakTries {
		best = max(best, e.measurePeak())
	}
	return best
}

func (e *Engine) measurePeak() float64 {
	k := e.k
	calls := make([]int, e.threads)
	spent := make([]time.Duration, e.threads)
	e.each(e.threads, func(_ *worker, i int) {
		t := &tile{
			a: alignedFloats(peakDepth * k.mr), b: alignedFloats(peakDepth * k.nr), c: alignedFloats(k.mr * k.nr),
			off: oneRun, run: peakDepth, lda: peakDepth, ldb: k.nr, ldc: k.nr, rows: k.mr, cols: k.nr,
		}
		for start := time.Now(); spent[i] < peakTime; spent[i] = time.Since(start) {
			for range 64 {
				k.direct(t)
			}
			calls[i] += 64
		}
	})
	rate := 0.0
	for i, n := range calls {
		rate += float64(n*2*k.mr*k.nr*peakDepth) / spent[i].Seconds() / 1e9
	}
	return rate
}
