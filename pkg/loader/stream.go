package loader

import (
	"context"
	"errors"
	"io"
)

// stream fills two batches in turn on a pool of goroutines: while its reader
// works on one, the other is being filled.
type stream struct {
	ready, free chan *Batch
	cancel      context.CancelFunc
	ctx         context.Context
	// err says why ready was closed; it may be read after that.
	err error
}

// filler fills a batch on the pool, or returns io.EOF when there are no more.
type filler func(ctx context.Context, p *pool, b *Batch) error

func newStream(ctx context.Context, workers int, batches [2]*Batch, fill filler) *stream {
	s := &stream{ready: make(chan *Batch), free: make(chan *Batch, len(batches))}
	s.ctx, s.cancel = context.WithCancel(ctx)
	for _, b := range batches {
		s.free <- b
	}
	go s.produce(workers, fill)
	return s
}

// produce owns the pool. Closing ready is the last thing it does.
func (s *stream) produce(workers int, fill filler) {
	defer close(s.ready)
	p := newPool(workers)
	defer p.stop()
	for {
		select {
		case b := <-s.free:
			err := fill(s.ctx, p, b)
			if err == nil {
				err = s.ctx.Err() // a cancelled fill is not whole
			}
			if err != nil {
				s.err = err
				return
			}
			select {
			case s.ready <- b:
			case <-s.ctx.Done():
				s.err = s.ctx.Err()
				return
			}
		case <-s.ctx.Done():
			s.err = s.ctx.Err()
			return
		}
	}
}

// next takes back the batch handed out before, if any, and returns the one
// after it, or why there is none.
func (s *stream) next(previous *Batch) (*Batch, error) {
	if previous != nil {
		s.free <- previous
	}
	if b, ok := <-s.ready; ok {
		return b, nil
	}
	return nil, s.err
}

// close ends the goroutines and waits for them; batches are void afterwards.
func (s *stream) close() {
	s.cancel()
	for range s.ready { // until produce has closed it
	}
}

// ended tells the regular end of a stream from a failure.
func ended(err error) bool { return errors.Is(err, io.EOF) }
