// Package loader turns a set of images into batches of views, off the critical
// path: while a batch is being used, the next one is decoded, augmented and
// normalised by other goroutines. What a batch holds is a function of the seed
// and of its step alone.
package loader

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"supcon/pkg/augment"
	"supcon/pkg/dataset"
	"supcon/pkg/fault"
	"supcon/pkg/random"
)

// Options of a training loader.
type Options struct {
	// Batch is the number of images N of a batch, Views how many views V of each.
	Batch, Views int
	// Workers is the number of goroutines that make views; 0 is one for each
	// core. No result depends on it.
	Workers int
	Seed    uint64
	// CacheBytes bounds the memory for decoded images; 0 is DefaultCacheBytes,
	// negative keeps none.
	CacheBytes int64
	// PerClass makes class-balanced batches: Batch/PerClass different classes with
	// PerClass images each, every class equally often; an image of a small class
	// comes again within an epoch, in other views. 0 takes the images as they are.
	PerClass int
	// FailOnBad ends training at the first unreadable image instead of skipping it.
	FailOnBad bool
}

// Loader yields the training batches of one epoch after another: each epoch is
// a permutation of the set, cut into whole batches; what is left over is dropped.
// Its methods are for one goroutine, Skipped, SkippedCount and Wait for any.
type Loader struct {
	set     *dataset.Set
	recipe  *augment.Recipe
	options Options
	cache   *cache

	stream  *stream
	current *Batch
	wait    atomic.Int64 // nanoseconds
}

// New checks the options against the set; Start begins the work.
func New(set *dataset.Set, recipe *augment.Recipe, o Options) (*Loader, error) {
	switch {
	case o.Batch < 1:
		return nil, fault.Usage.Errorf("loader: the batch size is %d; it must be at least 1", o.Batch)
	case o.Views < 1:
		return nil, fault.Usage.Errorf("loader: the number of views is %d; it must be at least 1", o.Views)
	case o.Batch > set.Len():
		return nil, fault.Usage.Errorf("loader: the batch size %d is larger than the training set of %d images; choose a batch size of at most %d", o.Batch, set.Len(), set.Len())
	}
	if err := checkPerClass(set, o); err != nil {
		return nil, err
	}
	if err := recipe.Check(); err != nil {
		return nil, err
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes()
	}
	o.Workers = workersOrCores(o.Workers)
	return &Loader{set: set, recipe: recipe, options: o, cache: newCache(set, o.CacheBytes)}, nil
}

func workersOrCores(workers int) int {
	if workers > 0 {
		return workers
	}
	return runtime.GOMAXPROCS(0)
}

// SetRecipe ends the making of batches; those after the next Start are by r.
func (l *Loader) SetRecipe(r *augment.Recipe) {
	l.Close()
	l.recipe = r
}

// StepsPerEpoch is the number of whole batches in the set.
func (l *Loader) StepsPerEpoch() int { return l.set.Len() / l.options.Batch }

// Start begins making batches from the one after step completed updates, until
// ctx is cancelled or Close is called. A running loader is restarted; what it
// has decoded stays.
func (l *Loader) Start(ctx context.Context, step int) {
	l.Close()
	n, views := l.options.Batch, l.options.Views
	f := &epochFiller{Loader: l, step: step, epoch: -1, rng: make([]random.Source, n), errs: make([]error, n)}
	batches := [2]*Batch{newBatch(n, views, l.recipe), newBatch(n, views, l.recipe)}
	l.stream = newStream(ctx, l.options.Workers, batches, f.fill)
}

// Next returns the batch of the next step, which is valid until the call after.
// Epochs go on without end; the error is the context's, or a data error when no
// image can be read (or the first unreadable one, with FailOnBad).
func (l *Loader) Next() (*Batch, error) {
	if l.stream == nil {
		return nil, errors.New("loader: Next before Start")
	}
	begin := time.Now()
	b, err := l.stream.next(l.current)
	l.wait.Add(int64(time.Since(begin)))
	l.current = b
	return b, err
}

// Skipped lists the images that could not be read so far, in the set's order.
func (l *Loader) Skipped() []Skip { return l.cache.skipped() }

// SkippedCount is the number of images that could not be read so far.
func (l *Loader) SkippedCount() int { return l.cache.badCount() }

// CacheHoldsAll tells whether, going by the images used so far, all of the set
// will stay in memory, so that no image is decoded twice.
func (l *Loader) CacheHoldsAll() bool { return l.cache.holdsAll() }

// Wait is the time that Next has spent waiting for batches.
func (l *Loader) Wait() time.Duration { return time.Duration(l.wait.Load()) }

// Close ends the goroutines and waits for them. The last batch is void.
func (l *Loader) Close() {
	if l.stream != nil {
		l.stream.close()
		l.stream, l.current = nil, nil
	}
}

// epochFiller fills batch after batch, epoch after epoch.
type epochFiller struct {
	*Loader
	step  int // completed updates before the next batch
	epoch int // whose permutation is in order
	order []place
	// For each row of the batch:
	rng  []random.Source
	errs []error
}

func (f *epochFiller) fill(ctx context.Context, p *pool, b *Batch) error {
	steps := f.StepsPerEpoch()
	if epoch := f.step / steps; epoch != f.epoch {
		f.epoch = epoch
		f.order = epochOrder(f.set, f.options, epoch)
	}
	b.Epoch, b.Step = f.epoch, f.step
	first := f.step % steps * f.options.Batch
	p.run(ctx, f.options.Batch, func(n int) { f.errs[n] = f.row(b, n, first+n) })
	f.step++
	for _, err := range f.errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// row makes the views of the image at a position of the epoch's order, or,
// where that is unreadable, of the next readable one, around the end if need
// be. A stand-in gets views of its own, lest they equal those of its own row.
func (f *epochFiller) row(b *Batch, n, position int) error {
	var first error
	for moved := range len(f.order) {
		at := f.order[(position+moved)%len(f.order)]
		img, err := f.cache.get(at.index)
		if err != nil {
			if f.options.FailOnBad {
				return err
			}
			if first == nil {
				first = err
			}
			continue
		}
		b.Index[n], b.Labels[n] = at.index, f.set.Items[at.index].Label
		size, rng := rowSize(f.recipe), &f.rng[n]
		for v := range f.options.Views {
			view := uint64(moved)<<32 | uint64(at.repeat*f.options.Views+v)
			rng.Reset(f.options.Seed, random.View, uint64(f.epoch), uint64(at.index), view)
			f.recipe.View(b.X[(v*f.options.Batch+n)*size:][:size], img, rng)
		}
		return nil
	}
	return fault.Data.Errorf("loader: none of the %d images of %s can be read; the first: %w", f.set.Len(), f.set.Root, first)
}
