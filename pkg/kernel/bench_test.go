package kernel

import (
	"fmt"
	"testing"
	"time"
)

// benchBranches runs a benchmark on each branch with all cores.
func benchBranches(b *testing.B, bench func(b *testing.B, e *Engine)) {
	for _, name := range Branches() {
		e, err := New(Options{Branch: name})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(string(name), func(b *testing.B) { bench(b, e) })
	}
}

// report turns the operations of one call into GF/s and the share of the peak, both measured
// here and now: the best call and the best moment, since cores may be shared.
func report(b *testing.B, e *Engine, flops float64, call func()) {
	b.Helper()
	best := time.Duration(1 << 62)
	call()
	for b.Loop() {
		start := time.Now()
		call()
		best = min(best, time.Since(start))
	}
	rate := flops / best.Seconds() / 1e9
	b.ReportMetric(rate, "GF/s")
	b.ReportMetric(100*rate/e.PeakGFLOPS(), "%peak")
	b.ReportMetric(0, "ns/op")
}

// reportBytes turns the bytes of one call into GB/s.
func reportBytes(b *testing.B, bytes int, call func()) {
	b.Helper()
	best := time.Duration(1 << 62)
	call()
	for b.Loop() {
		start := time.Now()
		call()
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(bytes)/best.Seconds()/1e9, "GB/s")
	b.ReportMetric(best.Seconds()*1e3, "ms")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkPeak(b *testing.B) {
	benchBranches(b, func(b *testing.B, e *Engine) {
		rate := 0.0
		for b.Loop() {
			rate = max(rate, e.PeakGFLOPS())
		}
		b.ReportMetric(rate, "GF/s")
		b.ReportMetric(0, "ns/op")
	})
}

func BenchmarkGemm(b *testing.B) {
	shapes := []GemmShape{
		{M: 1024, N: 1024, K: 1024},
		{M: 1024, N: 1024, K: 1024, TransA: true},
		{M: 1024, N: 1024, K: 1024, TransB: true},
		{M: 65536, N: 64, K: 576},
		{M: 16384, N: 128, K: 1152},
		{M: 4096, N: 512, K: 4608},
		{M: 512, N: 512, K: 128, TransB: true},
		{M: 256, N: 10, K: 512},
	}
	benchBranches(b, func(b *testing.B, e *Engine) {
		for _, s := range shapes {
			x := make([]float32, s.M*s.K)
			w := make([]float32, s.K*s.N)
			y := make([]float32, s.M*s.N)
			name := fmt.Sprintf("%dx%dx%d", s.M, s.N, s.K)
			if s.TransA {
				name += "/aT"
			}
			if s.TransB {
				name += "/bT"
			}
			b.Run(name, func(b *testing.B) {
				report(b, e, 2*float64(s.M)*float64(s.N)*float64(s.K), func() { e.Gemm(s, y, x, w) })
			})
		}
	})
}

// convLayers are those of a ResNet-18 with the 3×3 stem at 32 pixels, and some of larger images.
func convLayers() []ConvShape {
	n := 64
	return []ConvShape{
		{N: n, H: 32, W: 32, C: 64, K: 64, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: n, H: 16, W: 16, C: 128, K: 128, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: n, H: 8, W: 8, C: 256, K: 256, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: n, H: 4, W: 4, C: 512, K: 512, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: n, H: 32, W: 32, C: 3, K: 64, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: n, H: 32, W: 32, C: 64, K: 128, R: 3, S: 3, Stride: 2, Pad: 1},
		{N: n, H: 16, W: 16, C: 128, K: 256, R: 3, S: 3, Stride: 2, Pad: 1},
		{N: n, H: 8, W: 8, C: 256, K: 512, R: 3, S: 3, Stride: 2, Pad: 1},
		{N: n, H: 32, W: 32, C: 64, K: 128, R: 1, S: 1, Stride: 2},
		{N: n, H: 16, W: 16, C: 32, K: 64, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: n, H: 8, W: 8, C: 64, K: 128, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: n, H: 32, W: 32, C: 16, K: 16, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: 8, H: 56, W: 56, C: 256, K: 64, R: 1, S: 1, Stride: 1},
		{N: 8, H: 56, W: 56, C: 64, K: 64, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: 8, H: 14, W: 14, C: 256, K: 256, R: 3, S: 3, Stride: 1, Pad: 1},
		{N: 8, H: 224, W: 224, C: 3, K: 64, R: 7, S: 7, Stride: 2, Pad: 3},
	}
}

func BenchmarkConv(b *testing.B) {
	benchBranches(b, func(b *testing.B, e *Engine) {
		if e.Branch() == Generic {
			b.Skip("the plain Go branch takes seconds a call")
		}
		for _, s := range convLayers() {
			name := fmt.Sprintf("%dx%d_%d-%d@%d_s%d_B%d", s.R, s.S, s.C, s.K, s.H, s.Stride, s.N)
			plan, err := e.NewConv(s)
			if err != nil {
				b.Fatal(err)
			}
			x, w, y := make([]float32, s.sizeX()), make([]float32, s.sizeW()), make([]float32, s.sizeY())
			b.Run(name+"/forward", func(b *testing.B) {
				report(b, e, s.FLOPs(), func() { plan.Forward(y, x, w, Epilogue{}) })
			})
			b.Run(name+"/data", func(b *testing.B) {
				report(b, e, s.FLOPs(), func() { plan.BackwardData(x, y, w) })
			})
			b.Run(name+"/filter", func(b *testing.B) {
				report(b, e, s.FLOPs(), func() { plan.BackwardFilter(w, x, y) })
			})
		}
	})
}
