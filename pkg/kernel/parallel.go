package kernel

import (
	"sync"
	"sync/atomic"
)

// job is the one parallel loop that an engine runs at a time.
type job struct {
	next atomic.Int64
	n    int64
	task func(w *worker, i int)
	wait sync.WaitGroup
}

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
	e.job.n, e.job.task = int64(n), task
	e.job.next.Store(0)
	e.job.wait.Add(helpers)
	for h := range helpers {
		go e.job.help(e.workers[h+1])
	}
	e.job.work(e.workers[0])
	e.job.wait.Wait()
	e.job.task = nil
}

func (j *job) help(w *worker) {
	defer j.wait.Done()
	j.work(w)
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
