package eval

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"supcon/pkg/fault"
	"supcon/pkg/internal/atomicfile"
	"supcon/pkg/kernel"
)

// ProbeResult is what a linear probe scored on a test set.
type ProbeResult struct {
	Top1       float64    `json:"top1"` // percent
	Top5       float64    `json:"top5"` // percent; 100 with five classes or fewer
	CI95       [2]float64 `json:"ci95"` // Wilson interval of top1, percent
	Seconds    float64    `json:"seconds"`
	Count      int        `json:"count"`
	L2         float64    `json:"l2"` // the strength chosen
	HeldTop1   float64    `json:"held_top1,omitempty"`
	Iterations int        `json:"iterations"`
	Converged  bool       `json:"converged"`
}

// Logits calls visit for each row of x (n, Dim), in order, with its (C) logits,
// which are valid until visit returns.
func (p *Probe) Logits(ctx context.Context, e *kernel.Engine, x []float32, visit func(row int, logits []float32)) error {
	if len(x)%p.Dim != 0 {
		return fault.Checkpoint.Errorf("eval: the probe takes features of %d values, and %d values are no rows of them: use the checkpoint it was trained on", p.Dim, len(x))
	}
	n, c := len(x)/p.Dim, len(p.Classes)
	block, logits := make([]float32, min(n, rowBlock)*p.Dim), make([]float32, min(n, rowBlock)*c)
	for lo := 0; lo < n; lo += rowBlock {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("eval: linear probe: %w", err)
		}
		rows := min(n, lo+rowBlock) - lo
		e.Parallel(rows, func(i int) {
			standardize(block[i*p.Dim:(i+1)*p.Dim], x[(lo+i)*p.Dim:(lo+i+1)*p.Dim], p.Mean, p.Std)
		})
		e.Gemm(kernel.GemmShape{M: rows, N: c, K: p.Dim, TransB: true}, logits, block, p.Weight)
		e.AddBias(rows, c, logits[:rows*c], p.Bias)
		for i := range rows {
			visit(lo+i, logits[i*c:(i+1)*c])
		}
	}
	return nil
}

// Evaluate scores the probe on test (n, Dim); labels are positions in Classes.
// Seconds includes the fit's.
func (p *Probe) Evaluate(ctx context.Context, e *kernel.Engine, test []float32, labels []int) (ProbeResult, error) {
	start := time.Now()
	if _, err := checkRows(e, "test", test, labels, len(p.Classes)); err != nil {
		return ProbeResult{}, err
	}
	if len(test) != len(labels)*p.Dim {
		return ProbeResult{}, fault.Checkpoint.Errorf("eval: the probe takes features of %d values, the test set's have %d: use the checkpoint it was trained on", p.Dim, len(test)/len(labels))
	}
	top1, top5 := 0, 0
	err := p.Logits(ctx, e, test, func(row int, logits []float32) {
		rank := Rank(logits, labels[row])
		if rank < 1 {
			top1++
		}
		if rank < 5 {
			top5++
		}
	})
	if err != nil {
		return ProbeResult{}, err
	}
	n := len(labels)
	low, high := Wilson(top1, n)
	return ProbeResult{
		Top1: percent(top1, n), Top5: percent(top5, n), CI95: [2]float64{low, high}, Seconds: (p.FitTime + time.Since(start)).Seconds(),
		Count: n, L2: p.L2, HeldTop1: p.HeldTop1, Iterations: p.Iterations, Converged: p.Converged,
	}, nil
}

// probeVersion is the form of probe.json.
const probeVersion = 1

// Write writes the probe as one JSON object.
func (p *Probe) Write(path string) error {
	err := atomicfile.WriteFile(path, func(w io.Writer) error { return json.NewEncoder(w).Encode(p) })
	if err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	return nil
}

// ReadProbe reads what Write wrote. Errors are fault.Checkpoint.
func ReadProbe(path string) (*Probe, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Checkpoint.Errorf("eval: probe %q cannot be read: %w; `supcon eval --linear-probe` writes one", path, err)
	}
	p := &Probe{}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fault.Checkpoint.Errorf("eval: %q is no probe (%w): `supcon eval --linear-probe` writes one", path, err)
	}
	if p.Version != probeVersion {
		return nil, fault.Checkpoint.Errorf("eval: %q is a probe of form %d, this program reads %d: write it anew with `supcon eval --linear-probe`", path, p.Version, probeVersion)
	}
	c, d := len(p.Classes), p.Dim
	if c == 0 || d < 1 || len(p.Mean) != d || len(p.Std) != d || len(p.Bias) != c || len(p.Weight)/d != c || len(p.Weight)%d != 0 {
		return nil, fault.Checkpoint.Errorf("eval: probe %q is damaged, its sizes do not agree: write it anew with `supcon eval --linear-probe`", path)
	}
	return p, nil
}
