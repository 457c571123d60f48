package dataset

import (
	"context"
	"image"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"supcon/pkg/fault"
)

// Stats describes the pixels of a set.
type Stats struct {
	// Mean and Std are per channel, of values in [0, 1], over all pixels of the
	// evaluation squares (shorter side resized, centre cropped).
	Mean, Std [3]float32
	// MedianShorterSide is of the pictures as they are stored, in pixels.
	MedianShorterSide int
	// Unreadable counts the images that could not be decoded and do not count.
	Unreadable int
	// FirstUnreadable says what is wrong with the first of them; nil for none.
	FirstUnreadable error
}

const (
	// statsLimit bounds how many images ComputeStats decodes: those of a larger
	// set are taken evenly spaced, whose mean is off by a thousandth at most.
	statsLimit = 100_000
	// sizeLimit bounds how many headers MedianShorterSide reads.
	sizeLimit = 1_000
)

// ComputeStats decodes the images of s (evenly spaced 100,000 of a larger set)
// with the given number of goroutines and measures their evaluation squares,
// which square makes (augment.Squares). The sums are of integers, so the result
// does not depend on workers. Unreadable images are counted and left out; with
// no readable image at all the first reason is returned as a data error.
func ComputeStats(ctx context.Context, s *Set, square func(*image.NRGBA) *image.NRGBA, workers int) (Stats, error) {
	var sums channelSums
	sides, err := s.sample(ctx, statsLimit, workers, func(i int) (int, error) {
		img, err := s.Decode(i)
		if err != nil {
			return 0, err
		}
		sums.add(square(img))
		return min(img.Rect.Dx(), img.Rect.Dy()), nil
	})
	if err != nil {
		return Stats{}, err
	}
	stats := Stats{MedianShorterSide: median(sides.values), Unreadable: sides.failed, FirstUnreadable: sides.first}
	pixels := float64(sums.pixels.Load())
	for c := range 3 {
		mean := float64(sums.sum[c].Load()) / pixels
		variance := float64(sums.squares[c].Load())/pixels - mean*mean
		stats.Mean[c] = float32(mean / 255)
		// A set of one flat colour still needs a scale to be normalised by.
		stats.Std[c] = float32(max(math.Sqrt(max(variance, 0)), 1) / 255)
	}
	return stats, nil
}

// MedianShorterSide reads the headers of the images of s (evenly spaced 1,000
// of a larger set) and returns the median of their shorter sides in pixels.
func MedianShorterSide(ctx context.Context, s *Set, workers int) (int, error) {
	sides, err := s.sample(ctx, sizeLimit, workers, func(i int) (int, error) {
		data, err := s.Read(i)
		if err != nil {
			return 0, err
		}
		_, config, err := header(data)
		if err != nil {
			return 0, fault.Data.Errorf("dataset: decode %q: %w", s.Items[i].Path, err)
		}
		return min(config.Width, config.Height), nil
	})
	if err != nil {
		return 0, err
	}
	return median(sides.values), nil
}

// DefaultImageSize is the side of the views where none is set: 32 for a median
// shorter side under 64 pixels, else 224.
func DefaultImageSize(medianShorterSide int) int {
	if medianShorterSide < 64 {
		return 32
	}
	return 224
}

// measures are the results of sample, in the order of the set.
type measures struct {
	values []int
	failed int
	first  error // of those that failed
}

// sample measures up to limit evenly spaced items with several goroutines.
func (s *Set) sample(ctx context.Context, limit, workers int, measure func(i int) (int, error)) (measures, error) {
	n := min(s.Len(), limit)
	if n == 0 {
		return measures{}, fault.Data.Errorf("dataset: there are no images of %s to look at", s.Root)
	}
	values, errs := make([]int, n), make([]error, n)
	err := spread(ctx, n, workers, func(k int) {
		values[k], errs[k] = measure(evenly(k, n, s.Len()))
	})
	if err != nil {
		return measures{}, err
	}
	var m measures
	for k, err := range errs {
		if err == nil {
			m.values = append(m.values, values[k])
			continue
		}
		m.failed++
		if m.first == nil {
			m.first = err
		}
	}
	if len(m.values) == 0 {
		return m, fault.Data.Errorf("dataset: none of the %s of %s can be read; the first: %w", count(n, "image"), s.Root, m.first)
	}
	return m, nil
}

// spread calls do(0..n-1) from several goroutines and waits for them. Once ctx is
// cancelled the calls still to come are left out and its error is returned.
func spread(ctx context.Context, n, workers int, do func(k int)) error {
	var next atomic.Int64
	var group sync.WaitGroup
	for range max(1, min(workers, n)) {
		group.Go(func() {
			for k := int(next.Add(1)) - 1; k < n && ctx.Err() == nil; k = int(next.Add(1)) - 1 {
				do(k)
			}
		})
	}
	group.Wait()
	return ctx.Err()
}

// channelSums adds up values and their squares exactly: 100,000 squares of
// 4,096² pixels fit 64 bits.
type channelSums struct {
	pixels       atomic.Uint64
	sum, squares [3]atomic.Uint64
}

func (t *channelSums) add(img *image.NRGBA) {
	var sum, squares [3]uint64
	for y := range img.Rect.Dy() {
		row := img.Pix[y*img.Stride:][:4*img.Rect.Dx()]
		for ; len(row) >= 4; row = row[4:] {
			for c, v := range row[:3] {
				sum[c] += uint64(v)
				squares[c] += uint64(v) * uint64(v)
			}
		}
	}
	t.pixels.Add(uint64(img.Rect.Dx() * img.Rect.Dy()))
	for c := range 3 {
		t.sum[c].Add(sum[c])
		t.squares[c].Add(squares[c])
	}
}

func median(values []int) int {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
