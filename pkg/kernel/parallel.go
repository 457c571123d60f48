package kernel

import (
	"runtime"
	"sync/atomic"
	"time"
)

// job is the one parallel loop that an engine runs at a time, and the goroutines that help with it.
// Loops follow each other closely, and waking a sleeping core takes as long as many a loop: a helper
// therefore lingers a moment for the next loop before it ends, and so does the caller at the end of
// a loop for its helpers.
type job struct {
	next atomic.Int64
	n    int64
	task func(w *worker, i int)

	open    atomic.Int64  // the number of the loop that may be joined; 0 = none
	count   int64         // of loops so far
	inside  atomic.Int64  // helpers that may be reading the fields above
	present []atomic.Bool // by helper: it runs or lingers
}

const (
	linger     = 100 * time.Microsecond
	lookEvery  = 256  // looks for a new loop between two looks at the clock
	looksAtEnd = 4096 // looks at whether all helpers are done before others may have the core
)

// Parallel runs task(0), …, task(n−1), each once, on the engine's threads and returns when all are
// done. Which thread runs which task is not fixed, so a task must not depend on it. Tasks must not
// call the engine.
func (e *Engine) Parallel(n int, task func(i int)) {
	e.each(n, func(_ *worker, i int) { task(i) })
}

// each is Parallel for tasks that need a thread's private property. Threads draw the next index
// from a counter: on a machine whose cores are not equally free that is quicker than fixed shares,
// and the bits are the same, since a task's result depends on its index alone.
func (e *Engine) each(n int, task func(w *worker, i int)) {
	helpers := min(e.threads, n) - 1
	if helpers < 1 {
		for i := range n {
			task(e.workers[0], i)
		}
		return
	}
	j := &e.job
	j.n, j.task = int64(n), task
	j.next.Store(0)
	j.count++
	j.open.Store(j.count)
	for h := range helpers {
		if j.present[h].CompareAndSwap(false, true) {
			go j.help(e.workers[h+1], h)
		}
	}
	j.work(e.workers[0])
	j.close()
}

// close lets no more helpers in and waits for those inside.
func (j *job) close() {
	j.open.Store(0)
	for looks := 0; j.inside.Load() > 0; looks++ {
		if looks > looksAtEnd {
			runtime.Gosched()
		}
	}
	j.task = nil
}

// help joins loop after loop until none has come for a while. A loop that opens while the helper is
// leaving is seen either by the helper, which stays, or by the caller, who calls another.
func (j *job) help(w *worker, h int) {
	last := int64(0)
	for {
		if loop := j.await(last); loop != last {
			j.join(w)
			last = loop
			continue
		}
		j.present[h].Store(false)
		if loop := j.open.Load(); loop == 0 || loop == last || !j.present[h].CompareAndSwap(false, true) {
			return
		}
	}
}

// await lingers for a loop after the last, and returns its number, or the last's.
func (j *job) await(last int64) int64 {
	for start := time.Now(); time.Since(start) < linger; {
		for range lookEvery {
			if loop := j.open.Load(); loop != 0 && loop != last {
				return loop
			}
		}
	}
	return last
}

// join works on the loop that is open, if one still is.
func (j *job) join(w *worker) {
	j.inside.Add(1)
	if j.open.Load() != 0 {
		j.work(w)
	}
	j.inside.Add(-1)
}

func (j *job) work(w *worker) {
	for i := j.next.Add(1) - 1; i < j.n; i = j.next.Add(1) - 1 {
		j.task(w, int(i))
	}
}

// blocks is the number of pieces of at most size that n is cut into.
func blocks(n, size int) int { return (n + size - 1) / size }

// block is piece i of n cut by size: the half-open range lo…hi.
func block(n, size, i int) (lo, hi int) { return i * size, min(n, (i+1)*size) }
