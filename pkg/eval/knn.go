package eval

import (
	"context"
	"fmt"
	"math"
	"time"

	"supcon/pkg/fault"
	"supcon/pkg/kernel"
)

// KNNOptions are those of the weighted classifier; the zero value stands for the
// k = 200 and τ = 0.1 that the field reports.
type KNNOptions struct {
	K   int
	Tau float64
}

func (o KNNOptions) withDefaults() (KNNOptions, error) {
	if o.K == 0 {
		o.K = 200
	}
	if o.Tau == 0 {
		o.Tau = 0.1
	}
	if o.K < 0 || !(o.Tau > 0) || math.IsInf(o.Tau, 0) {
		return o, fault.Usage.Errorf("eval: kNN with k %d and temperature %g: both must be positive", o.K, o.Tau)
	}
	return o, nil
}

// Neighbour is one row of the bank, seen from a query.
type Neighbour struct {
	Index      int
	Similarity float32 // cosine
}

// KNN classifies by the labels of the k nearest rows of a bank, each weighted by
// exp(similarity/τ) (Wu et al. 2018, §3.4).
type KNN struct {
	e       *kernel.Engine
	k       int
	tau     float64
	asked   int
	bank    []float32 // (n, d), rows of norm 1
	labels  []int
	d       int
	classes int
}

// queryBlock is how many queries are compared with a block of the bank at once.
const queryBlock = 256

// NewKNN takes the bank (n, d), normalised or not, and its labels in 0…classes−1.
// A k above n is n.
func NewKNN(e *kernel.Engine, bank []float32, labels []int, classes int, o KNNOptions) (*KNN, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	d, err := checkRows(e, "training", bank, labels, classes)
	if err != nil {
		return nil, err
	}
	n := len(labels)
	unit := make([]float32, n*d)
	e.L2NormalizeForward(n, d, unit, bank, make([]float32, n))
	return &KNN{e: e, k: min(o.K, n), asked: o.K, tau: o.Tau, bank: unit, labels: labels, d: d, classes: classes}, nil
}

// Neighbours calls visit for each row of queries (q, d), in order, with its k
// nearest rows of the bank, nearest first, of equal ones the lower index first.
// The list is valid until visit returns.
func (c *KNN) Neighbours(ctx context.Context, queries []float32, visit func(query int, nearest []Neighbour)) error {
	if len(queries)%c.d != 0 {
		return fault.Checkpoint.Errorf("eval: the bank has features of %d values and %d values are no rows of them: use one checkpoint for both sets", c.d, len(queries))
	}
	total, n := len(queries)/c.d, len(c.labels)
	rows := min(total, queryBlock)
	unit, norm := make([]float32, rows*c.d), make([]float32, rows)
	similarity := make([]float32, rows*min(n, rowBlock))
	nearest := make([]selection, rows)
	for i := range nearest {
		nearest[i] = make(selection, 0, c.k)
	}
	for q0 := 0; q0 < total; q0 += queryBlock {
		rows := min(total, q0+queryBlock) - q0
		c.e.L2NormalizeForward(rows, c.d, unit, queries[q0*c.d:(q0+rows)*c.d], norm)
		for i := range rows {
			nearest[i] = nearest[i][:0]
		}
		for lo := 0; lo < n; lo += rowBlock {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("eval: kNN: %w", err)
			}
			cols := min(n, lo+rowBlock) - lo
			c.e.Gemm(kernel.GemmShape{M: rows, N: cols, K: c.d, TransB: true}, similarity, unit, c.bank[lo*c.d:(lo+cols)*c.d])
			c.e.Parallel(rows, func(i int) {
				nearest[i] = nearest[i].offer(lo, similarity[i*cols:(i+1)*cols])
			})
		}
		c.e.Parallel(rows, func(i int) { nearest[i].sort() })
		for i := range rows {
			visit(q0+i, nearest[i])
		}
	}
	return nil
}

// Score writes the weight of every class among nearest to scores (classes),
// Σ exp((similarity − s₀)/τ) with s₀ that of the first, so that no τ overflows,
// and returns the best class, of equal ones the first.
func (c *KNN) Score(scores []float64, nearest []Neighbour) (best int) {
	clear(scores)
	for _, neighbour := range nearest {
		difference := float64(neighbour.Similarity) - float64(nearest[0].Similarity)
		scores[c.labels[neighbour.Index]] += math.Exp(difference / c.tau)
	}
	for class, score := range scores {
		if score > scores[best] {
			best = class
		}
	}
	return best
}

// KNNResult is what the classifier scored on a test set.
type KNNResult struct {
	Top1    float64    `json:"top1"` // percent
	CI95    [2]float64 `json:"ci95"` // Wilson interval of top1, percent
	K       int        `json:"k"`    // neighbours used
	Tau     float64    `json:"tau"`
	KAsked  int        `json:"k_asked,omitempty"` // set when the bank is smaller than the k asked for
	Bank    int        `json:"bank"`              // its size
	Count   int        `json:"count"`
	Seconds float64    `json:"seconds"`
}

// Evaluate scores the classifier on test (q, d).
func (c *KNN) Evaluate(ctx context.Context, test []float32, labels []int) (KNNResult, error) {
	start := time.Now()
	d, err := checkRows(c.e, "test", test, labels, c.classes)
	if err != nil {
		return KNNResult{}, err
	}
	if d != c.d {
		return KNNResult{}, fault.Checkpoint.Errorf("eval: the bank has features of %d values, the test set of %d: use one checkpoint for both", c.d, d)
	}
	correct, scores := 0, make([]float64, c.classes)
	err = c.Neighbours(ctx, test, func(query int, nearest []Neighbour) {
		if c.Score(scores, nearest) == labels[query] {
			correct++
		}
	})
	if err != nil {
		return KNNResult{}, err
	}
	n := len(labels)
	low, high := Wilson(correct, n)
	result := KNNResult{
		Top1: percent(correct, n), CI95: [2]float64{low, high}, K: c.k, Tau: c.tau,
		Bank: len(c.labels), Count: n, Seconds: time.Since(start).Seconds(),
	}
	if c.asked != c.k {
		result.KAsked = c.asked
	}
	return result, nil
}
