package loader

import (
	"context"
	"io"
	"slices"

	"supcon/pkg/augment"
	"supcon/pkg/dataset"
	"supcon/pkg/fault"
)

// Whole calls use with every image of the set in order, in batches of up to
// batch images of one view each: the evaluation square, normalised, without
// augmentation. The next batch is made while use runs; a batch is valid during
// the call. Unreadable images are left out and returned, so a batch may be
// short, but is never empty. Of o, Batch, Workers and FailOnBad count. It ends
// with the error of use or of the context, or with a data error when no image
// can be read (or the first unreadable one, with FailOnBad).
func Whole(ctx context.Context, set *dataset.Set, recipe *augment.Recipe, o Options, use func(b *Batch) error) ([]Skip, error) {
	if o.Batch < 1 {
		return nil, fault.Usage.Errorf("loader: the batch size is %d; it must be at least 1", o.Batch)
	}
	if err := recipe.Check(); err != nil {
		return nil, err
	}
	batch := min(o.Batch, max(1, set.Len()))
	f := &wholeFiller{set: set, recipe: recipe, failOnBad: o.FailOnBad, errs: make([]error, batch)}
	batches := [2]*Batch{newBatch(batch, 1, recipe), newBatch(batch, 1, recipe)}
	s := newStream(ctx, workersOrCores(o.Workers), batches, f.fill)
	err := f.consume(s, use)
	s.close() // f is ours again
	if err != nil {
		return f.skips, err
	}
	if len(f.skips) == set.Len() && set.Len() > 0 {
		return f.skips, fault.Data.Errorf("loader: none of the %d images of %s can be read; the first: %s", set.Len(), set.Root, f.skips[0].Reason)
	}
	return f.skips, nil
}

// wholeFiller fills batches in the order of the set.
type wholeFiller struct {
	set       *dataset.Set
	recipe    *augment.Recipe
	failOnBad bool
	next      int
	errs      []error // of the rows of the batch being filled
	skips     []Skip
}

func (f *wholeFiller) consume(s *stream, use func(b *Batch) error) error {
	var b *Batch
	for {
		var err error
		if b, err = s.next(b); ended(err) {
			return nil
		} else if err != nil {
			return err
		}
		if err := use(b); err != nil {
			return err
		}
	}
}

func (f *wholeFiller) fill(ctx context.Context, p *pool, b *Batch) error {
	for f.next < f.set.Len() {
		n := min(len(f.errs), f.set.Len()-f.next)
		size := rowSize(f.recipe)
		b.X, b.Labels, b.Index = b.X[:n*size], b.Labels[:n], b.Index[:n]
		p.run(ctx, n, func(row int) {
			img, err := f.set.Decode(f.next + row)
			if f.errs[row] = err; err == nil {
				f.recipe.Whole(b.X[row*size:][:size], img)
			}
		})
		if err := ctx.Err(); err != nil {
			return err
		}
		if bad := slices.IndexFunc(f.errs[:n], func(err error) bool { return err != nil }); bad >= 0 && f.failOnBad {
			return f.errs[bad]
		}
		kept := f.compact(b, n, size)
		f.next += n
		if kept > 0 {
			return nil
		}
	}
	return io.EOF
}

// compact closes the gaps that unreadable images left in a batch of n rows.
func (f *wholeFiller) compact(b *Batch, n, size int) int {
	kept := 0
	for row, err := range f.errs[:n] {
		index := f.next + row
		if err != nil {
			f.skips = append(f.skips, Skip{Path: f.set.Items[index].Path, Reason: err.Error()})
			continue
		}
		copy(b.X[kept*size:][:size], b.X[row*size:])
		b.Index[kept], b.Labels[kept] = index, f.set.Items[index].Label
		kept++
	}
	b.truncate(kept, size)
	return kept
}
