package train

import (
	"fmt"
	"math"

	"supcon/pkg/op"
)

const (
	// watchSteps is how many steps after the warm-up a verdict is the mean of:
	// single batches are noisy, and the first steps of every run look dead.
	watchSteps = 100
	// deadShare of the loss of a collapsed representation counts as dead.
	deadShare = 0.99
	// leastEntropy of a batch's labels, in nats: nearly all of one class, the
	// loss is near that of a collapse whatever the encoder does.
	leastEntropy = 0.3
	// leastSpread is the spread of z (mean deviation of a dimension times √D; 1
	// for points spread evenly over the sphere) under which z is one point.
	leastSpread = 0.1
)

// watch looks for a dead run: one whose representation has collapsed.
type watch struct {
	from      int     // completed steps before the first that counts
	collapsed float64 // the loss of a collapsed representation
	losses    []float64
	spreads   []float64
	told      bool
}

// newWatch watches a run of M rows a batch; classes counts for cross-entropy only.
func newWatch(contrastive bool, rows, classes, warmup int) *watch {
	w := &watch{from: warmup, collapsed: math.Log(float64(rows - 1))}
	if !contrastive {
		w.collapsed = math.Log(float64(classes))
	}
	return w
}

// look takes the value of the step after `step` completed ones and returns a
// sentence for the user when the run turns out dead, once.
func (w *watch) look(step int, v op.LossValue, contrastive bool, groups []int) (verdict string) {
	if w.told || step < w.from {
		return ""
	}
	w.losses = append(w.losses, v.Unscaled)
	w.spreads = append(w.spreads, v.Spread)
	if len(w.losses) < watchSteps {
		return ""
	}
	loss, spread := mean(w.losses), mean(w.spreads)
	w.losses, w.spreads = w.losses[:0], w.spreads[:0]
	const advice = "try a lower --lr, a longer --warmup-epochs, a higher --temperature or a larger batch"
	switch {
	case loss >= deadShare*w.collapsed && (!contrastive || entropy(groups) > leastEntropy):
		verdict = fmt.Sprintf("the loss has stayed at %.3f for %d steps, that of an encoder which gives every image the same vector (%.3f); %s", loss, watchSteps, w.collapsed, advice)
	case contrastive && spread < leastSpread:
		verdict = fmt.Sprintf("the projections lie nearly on one point (spread %.3f, where 1 is even); %s", spread, advice)
	}
	w.told = verdict != ""
	return verdict
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// entropy is that of the groups of a batch's rows, in nats.
func entropy(groups []int) float64 {
	counts := map[int]int{}
	for _, g := range groups {
		counts[g]++
	}
	h := 0.0
	for _, n := range counts {
		p := float64(n) / float64(len(groups))
		h -= p * math.Log(p)
	}
	return h
}
