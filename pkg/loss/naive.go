package loss

import "math"

// Reference is the loss of a batch with all that the fast path never holds: it
// is the oracle of the tests and serves the report on hard pairs. Matrices are
// row-major.
type Reference struct {
	Loss, Unscaled            float64
	Anchors, WithoutPositives int
	PerAnchor                 []float64 // (hi−lo): ℓ_i without τ/τ_base; 0 where P(i) is empty
	Q                         []float64 // (M,M): q_ij; 0 on the diagonal
	G                         []float64 // (M,M): ∂Loss/∂s_ij; rows that are no counted anchor are 0
	DZ                        []float64 // (M,D): ∂Loss/∂Z = (G+Gᵀ)Z/τ
}

// Naive evaluates Eq. 1–3 in float64 straight from the formulas, in O(M²·D)
// time and O(M²) memory. z is (M,D) with M = len(groups); rows lo..hi are the
// anchors, all rows are their contrast. With c = (τ/τ_base)/Anchors:
//
//	supcon, simclr: G_ij = c·(q_ij − 1[j∈P(i)]/|P(i)|)
//	supcon-in:      G_ij = c·(q_ij − 1[j∈P(i)]·q_ij/Σ_{p∈P(i)} q_ip)
func Naive(cfg Config, z []float64, groups []int, d, lo, hi int) (*Reference, error) {
	m := len(groups)
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if err := checkBatch(len(z), m, d, lo, hi); err != nil {
		return nil, err
	}
	r := &Reference{PerAnchor: make([]float64, hi-lo), Q: make([]float64, m*m), G: make([]float64, m*m), DZ: make([]float64, m*d)}
	for i := lo; i < hi; i++ {
		r.anchor(cfg, z, groups, d, i, &r.PerAnchor[i-lo])
	}
	if r.Anchors == 0 {
		return nil, ErrNoPositives
	}
	for _, l := range r.PerAnchor {
		r.Unscaled += l / float64(r.Anchors)
	}
	r.Loss = r.Unscaled * cfg.factor()
	c := cfg.factor() / float64(r.Anchors)
	for ij := range r.G {
		r.G[ij] *= c
	}
	for i := range m {
		for j := range m {
			w := (r.G[i*m+j] + r.G[j*m+i]) / cfg.Temperature
			for k := range d {
				r.DZ[i*d+k] += w * z[j*d+k]
			}
		}
	}
	return r, nil
}

// anchor fills in ℓ_i and row i of Q and of G without the factor c.
func (r *Reference) anchor(cfg Config, z []float64, groups []int, d, i int, loss *float64) {
	m := len(groups)
	s := make([]float64, m)
	largest, largestPositive, positives := math.Inf(-1), math.Inf(-1), 0
	for j := range m {
		for k := range d {
			s[j] += z[i*d+k] * z[j*d+k] / cfg.Temperature
		}
		if j != i {
			largest = max(largest, s[j])
			if groups[j] == groups[i] {
				positives++
				largestPositive = max(largestPositive, s[j])
			}
		}
	}
	if positives == 0 {
		r.WithoutPositives++
		return
	}
	r.Anchors++
	var sum, sumPositive, logSum float64
	for j := range m {
		if j == i {
			continue
		}
		sum += math.Exp(s[j] - largest)
		if groups[j] == groups[i] {
			sumPositive += math.Exp(s[j] - largestPositive)
			logSum += s[j] - largest
		}
	}
	if cfg.Variant == SupConIn {
		*loss = math.Log(sum) + largest - math.Log(sumPositive/float64(positives)) - largestPositive
	} else {
		*loss = math.Log(sum) - logSum/float64(positives)
	}
	for j := range m {
		if j == i {
			continue
		}
		q := math.Exp(s[j]-largest) / sum
		r.Q[i*m+j], r.G[i*m+j] = q, q
		switch {
		case groups[j] != groups[i]:
		case cfg.Variant == SupConIn:
			r.G[i*m+j] -= math.Exp(s[j]-largestPositive) / sumPositive
		default:
			r.G[i*m+j] -= 1 / float64(positives)
		}
	}
}
