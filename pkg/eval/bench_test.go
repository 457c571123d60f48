package eval

import (
	"context"
	"testing"

	"supcon/pkg/kernel"
	"supcon/pkg/random"
)

// clusters returns n rows of d correlated, partly overlapping features.
func clusters(n, d, classes int, seed uint64) (x []float32, labels []int) {
	centre := random.New(1, random.Bench, 1)
	centres := make([]float32, classes*d)
	for i := range centres {
		centres[i] = float32(centre.NormFloat64())
	}
	const factors = 8 // few directions with most of the variance, as in a network's features
	mixing := make([]float32, factors*d)
	for i := range mixing {
		mixing[i] = float32(centre.NormFloat64())
	}
	r := random.New(seed, random.Bench, 2)
	x, labels = make([]float32, n*d), make([]int, n)
	for i := range n {
		labels[i] = r.IntN(classes)
		row := x[i*d : (i+1)*d]
		for j := range row {
			row[j] = 5 + 0.25*centres[labels[i]*d+j] + float32(r.NormFloat64())
		}
		for f := range factors {
			a := float32(3 * r.NormFloat64())
			for j := range row {
				row[j] += a * mixing[f*d+j]
			}
		}
	}
	return x, labels
}

// The sizes of CIFAR-10 with the smallest encoder.
const (
	benchTrain, benchTest = 50_000, 10_000
	benchDim, benchClass  = 128, 10
)

func BenchmarkProbe(b *testing.B) {
	x, labels := clusters(benchTrain, benchDim, benchClass, 1)
	test, testLabels := clusters(benchTest, benchDim, benchClass, 2)
	e := engine(b, 0)
	for b.Loop() {
		p, err := FitProbe(context.Background(), e, x, labels, make([]string, benchClass), ProbeOptions{})
		if err != nil {
			b.Fatal(err)
		}
		r, err := p.Evaluate(context.Background(), e, test, testLabels)
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("%+v", r)
	}
}

func BenchmarkKNN(b *testing.B) {
	x, labels := clusters(benchTrain, benchDim, benchClass, 1)
	test, testLabels := clusters(benchTest, benchDim, benchClass, 2)
	e := engine(b, 0)
	for b.Loop() {
		c, err := NewKNN(e, x, labels, benchClass, KNNOptions{})
		if err != nil {
			b.Fatal(err)
		}
		r, err := c.Evaluate(context.Background(), test, testLabels)
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("%+v", r)
	}
}

// engine returns an engine of so many threads, 0 for all.
func engine(t testing.TB, threads int) *kernel.Engine {
	t.Helper()
	e, err := kernel.New(kernel.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	return e
}
