package eval

import "math"

// z95 is the 97.5 % quantile of the normal distribution.
const z95 = 1.959963984540054

// Wilson returns the 95 % score interval of a share, in percent, when correct of
// n trials succeeded (E. B. Wilson 1927, eq. 4 of Brown, Cai, DasGupta 2001):
//
//	(p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n)
//
// It stays within 0…100 and is of use at 0, at 100 and for few trials. n = 0
// tells nothing: 0…100.
func Wilson(correct, n int) (low, high float64) {
	if n == 0 {
		return 0, 100
	}
	N := float64(n)
	p := float64(correct) / N
	centre := p + z95*z95/(2*N)
	half := z95 * math.Sqrt(p*(1-p)/N+z95*z95/(4*N*N))
	scale := 100 / (1 + z95*z95/N)
	return max(0, (centre-half)*scale), min(100, (centre+half)*scale)
}

// Rank returns how many scores stand before that of label: the larger ones, and
// of equal ones those of lower index. Top-k is right when it is under k.
func Rank[F float32 | float64](scores []F, label int) int {
	rank := 0
	for i, s := range scores {
		if s > scores[label] || s == scores[label] && i < label {
			rank++
		}
	}
	return rank
}

// percent returns the share of correct in n in percent.
func percent(correct, n int) float64 { return 100 * float64(correct) / float64(max(n, 1)) }
