// Package loss computes the contrastive losses of the paper and their gradients
// with respect to the rows of Z: plain arithmetic, no graph.
//
// Sources: Khosla et al. 2020, arXiv 2004.11362 (SupCon, Eq. 2 and 3);
// Chen et al. 2020, arXiv 2002.05709 (SimCLR, Eq. 1).
//
// One form serves all three. Row i of Z is anchor i, A(i) are the rows but i,
// P(i) the rows of A(i) in the same group as i, s_ij = ⟨z_i, z_j⟩/τ, and
// q_ij = exp(s_ij) / Σ_{a∈A(i)} exp(s_ia). What differs is the group of a row,
// which Groups fills in, and where the mean over P(i) stands.
package loss

import (
	"errors"
	"math"

	"supcon/pkg/fault"
)

// Variant names a contrastive loss as the flag --loss does.
type Variant string

const (
	// SimCLR is Eq. 1, −log q_{i,j(i)}: SupCon with every image its own class.
	SimCLR Variant = "simclr"
	// SupCon is Eq. 2, L_out = −1/|P(i)| Σ_{p∈P(i)} log q_ip.
	SupCon Variant = "supcon"
	// SupConIn is Eq. 3, L_in = −log(1/|P(i)| Σ_{p∈P(i)} q_ip).
	SupConIn Variant = "supcon-in"
)

// Variants lists the contrastive losses.
func Variants() []Variant { return []Variant{SimCLR, SupCon, SupConIn} }

// Config says which loss and how sharp.
type Config struct {
	Variant     Variant
	Temperature float64 // τ > 0
	// BaseTemperature τ_base > 0 multiplies loss and gradient by τ/τ_base, as
	// the reference implementation does with 0.07; 0 leaves the paper's loss.
	BaseTemperature float64
}

// Check returns an error of kind fault.Usage that says what is wrong, or nil.
func (c Config) Check() error {
	switch c.Variant {
	case SimCLR, SupCon, SupConIn:
	default:
		return fault.Usage.Errorf("loss: %q is no contrastive loss; there are %v", c.Variant, Variants())
	}
	if !(c.Temperature > 0) || math.IsInf(c.Temperature, 0) {
		return fault.Usage.Errorf("loss: the temperature is %v; it has to be above 0 (0.1 is usual)", c.Temperature)
	}
	if !(c.BaseTemperature >= 0) || math.IsInf(c.BaseTemperature, 0) {
		return fault.Usage.Errorf("loss: the base temperature is %v; it has to be 0 (off) or above", c.BaseTemperature)
	}
	return nil
}

// factor is τ/τ_base, or 1.
func (c Config) factor() float64 {
	if c.BaseTemperature == 0 {
		return 1
	}
	return c.Temperature / c.BaseTemperature
}

// Groups fills dst with the group of each of the M = V·N rows, view-major
// (row = v·N + n): the image index n for SimCLR, the image's label otherwise.
// It is the whole difference between Eq. 1 and Eq. 2. len(dst) is V·len(labels).
func Groups(dst []int, v Variant, labels []int) {
	for row := range dst {
		n := row % len(labels)
		if v == SimCLR {
			dst[row] = n
		} else {
			dst[row] = labels[n]
		}
	}
}

// Value is what one batch gives beside the gradient.
type Value struct {
	Loss     float64 // mean over the counted anchors, times τ/τ_base
	Unscaled float64 // the same without τ/τ_base: collapsed embeddings have ln(M−1)

	Anchors          int // anchors counted: those with a positive
	WithoutPositives int // anchors that have none and give no loss

	PositiveSimilarity float64 // mean ⟨z_i, z_p⟩ over all pairs of one group
	NegativeSimilarity float64 // mean ⟨z_i, z_n⟩ over all pairs of two groups; 0 if there is none
	Spread             float64 // mean over dimensions of the standard deviation of z, times √D: near 0 when collapsed

	Correct int // cross-entropy only: rows whose largest logit is the label's
}

// ErrNoPositives is returned when no anchor of the batch has a positive.
var ErrNoPositives = errors.New("loss: no anchor of the batch has a positive, so there is nothing to learn from it: " +
	"take two views an image, or labels that occur more than once in a batch")
