package loss

import (
	"fmt"
	"os"
	"testing"
	"time"

	"supcon/pkg/kernel"
)

// referee is the matrix product that the loss is measured against: 1024³, in
// between the calls of the loss, since cores may be shared.
type referee struct {
	e       *kernel.Engine
	a, b, c []float32
	spent   time.Duration
	calls   int
	err     error
}

func newReferee(e *kernel.Engine) *referee {
	r := &referee{e: e, a: make([]float32, 1<<20), b: make([]float32, 1<<20), c: make([]float32, 1<<20)}
	r.run()
	r.spent, r.calls = 0, 0
	return r
}

func (r *referee) run() {
	start := time.Now()
	r.e.Gemm(kernel.GemmShape{M: 1024, N: 1024, K: 1024}, r.c, r.a, r.b)
	r.spent += time.Since(start)
	r.calls++
}

// beside times a call between as much of the product as makes a quarter of it.
func (r *referee) beside(call func() error) time.Duration {
	r.run()
	start := time.Now()
	if err := call(); err != nil {
		r.err = err
	}
	took := time.Since(start)
	for end := r.spent + took/4; r.spent < end; {
		r.run()
	}
	return took
}

// rate is in operations a second, over all calls.
func (r *referee) rate() float64 { return float64(r.calls) * 2 * (1 << 30) / r.spent.Seconds() }

// BenchmarkLoss counts 6·M²·D operations for loss and gradient: 2·M²·D for
// S = Z·Zᵀ, twice that for the gradient. The symmetry of S saves a third of
// them, so that more than the whole rate of the matrix product is possible.
func BenchmarkLoss(b *testing.B) {
	sizes := []int{256, 512, 1024, 2048, 4096, 16384}
	if os.Getenv("SUPCON_FULL") != "" {
		sizes = append(sizes, 65536)
	}
	for _, branch := range kernel.Branches() {
		if branch == kernel.Generic {
			continue // plain Go takes minutes
		}
		e, err := kernel.New(kernel.Options{Branch: branch})
		if err != nil {
			b.Fatal(err)
		}
		for _, variant := range []Variant{SupCon, SupConIn} {
			for _, m := range sizes {
				b.Run(fmt.Sprintf("%s/%s/M=%d", branch, variant, m), func(b *testing.B) {
					benchmarkLoss(b, e, Config{Variant: variant, Temperature: 0.1}, m)
				})
			}
		}
	}
	e := engine(b, 0)
	b.Run("wide/M=4096", func(b *testing.B) { benchmarkLoss(b, e, Config{Variant: SupCon, Temperature: 0.004}, 4096) })
}

func benchmarkLoss(b *testing.B, e *kernel.Engine, cfg Config, m int) {
	const d = 128
	z64, groups := batch(1, m, d, 10)
	z, dz := float32s(z64), make([]float32, m*d)
	l, err := New(e, cfg)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := l.Forward(z, groups, d, 0, m); err != nil {
		b.Fatal(err)
	}
	r := newReferee(e)
	var forward, backward time.Duration
	for b.Loop() {
		forward += r.beside(func() error { _, err := l.Forward(z, groups, d, 0, m); return err })
		backward += r.beside(func() error { return l.Backward(dz) })
	}
	if r.err != nil {
		b.Fatal(r.err)
	}
	operations := float64(b.N) * float64(m) * float64(m) * d
	rate := 6 * operations / (forward + backward).Seconds()
	b.ReportMetric(rate/1e9, "GF/s")
	b.ReportMetric(100*rate/r.rate(), "%gemm")
	b.ReportMetric(r.rate()/1e9, "gemm-GF/s")
	b.ReportMetric(2*operations/forward.Seconds()/1e9, "forward-GF/s")
	b.ReportMetric(4*operations/backward.Seconds()/1e9, "backward-GF/s")
	b.ReportMetric(0, "ns/op")
}
