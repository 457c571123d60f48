package loader

import (
	"context"
	"sync/atomic"
)

// pool runs the rows of one batch at a time on its goroutines, which live from
// newPool to stop.
type pool struct {
	tasks   chan task
	stopped chan struct{}
	workers int
}

// task is the share of one goroutine in a batch: rows are claimed one by one.
type task struct {
	next *atomic.Int64
	n    int
	do   func(row int)
	done chan<- struct{}
}

func newPool(workers int) *pool {
	p := &pool{tasks: make(chan task), stopped: make(chan struct{}), workers: workers}
	for range workers {
		go p.work()
	}
	return p
}

func (p *pool) work() {
	for t := range p.tasks {
		for row := int(t.next.Add(1)) - 1; row < t.n; row = int(t.next.Add(1)) - 1 {
			t.do(row)
		}
		t.done <- struct{}{}
	}
	p.stopped <- struct{}{} // not deferred: a panic must end the program, not wait here
}

// run calls do(0..n-1) on the goroutines and returns when all calls have. Once
// ctx is cancelled the calls still to come are left out.
func (p *pool) run(ctx context.Context, n int, do func(row int)) {
	done := make(chan struct{}, p.workers)
	t := task{next: &atomic.Int64{}, n: n, done: done}
	t.do = func(row int) {
		if ctx.Err() == nil {
			do(row)
		}
	}
	for range p.workers {
		p.tasks <- t
	}
	for range p.workers {
		<-done
	}
}

// stop ends the goroutines and waits for them.
func (p *pool) stop() {
	close(p.tasks)
	for range p.workers {
		<-p.stopped
	}
}
