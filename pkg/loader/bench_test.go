package loader

import (
	"fmt"
	"os"
	"testing"

	"supcon/pkg/augment"
	"supcon/pkg/dataset"
)

// benchSet is the sample set, or the image folder that SUPCON_BENCH_DATA names.
func benchSet(b *testing.B) *dataset.Set {
	b.Helper()
	folder := os.Getenv("SUPCON_BENCH_DATA")
	if folder == "" {
		folder = "../../datasets/sample/train"
	}
	set, err := dataset.Open(folder, dataset.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return set
}

// BenchmarkLoader makes batches in two views of the size that suits the images
// (128 images at 32 px, 16 at 224): from decoded images in the cache, and
// decoding each image every time.
func BenchmarkLoader(b *testing.B) {
	set := benchSet(b)
	median, err := dataset.MedianShorterSide(b.Context(), set, 2)
	if err != nil {
		b.Fatal(err)
	}
	size := dataset.DefaultImageSize(median)
	batch := map[int]int{32: 128, 224: 16}[size]
	for _, c := range []struct {
		name  string
		bytes int64
	}{{"cached", 0}, {"decoding", -1}} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%dpx/%s/%d", size, c.name, workers), func(b *testing.B) {
				recipe, err := augment.New("cifar", size, [3]float32{0.5, 0.5, 0.5}, [3]float32{0.25, 0.25, 0.25})
				if err != nil {
					b.Fatal(err)
				}
				l, err := New(set, recipe, Options{Batch: batch, Views: 2, Workers: workers, CacheBytes: c.bytes})
				if err != nil {
					b.Fatal(err)
				}
				defer l.Close()
				l.Start(b.Context(), 0)
				if c.bytes == 0 { // every image is decoded before the clock starts
					for i := range set.Len() {
						_, _ = l.cache.get(i)
					}
				}
				views := 0
				for b.Loop() {
					batch, err := l.Next()
					if err != nil {
						b.Fatal(err)
					}
					views += 2 * len(batch.Index)
				}
				b.ReportMetric(float64(views)/b.Elapsed().Seconds(), "views/s")
			})
		}
	}
}

// BenchmarkDecode is Set.Decode on one goroutine: file to pixels.
func BenchmarkDecode(b *testing.B) {
	set := benchSet(b)
	for i := 0; b.Loop(); i++ {
		_, _ = set.Decode(i % set.Len()) // a folder may hold a broken one
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
}
