package loss

import "math"

// logSumExp accumulates log Σ exp(x/τ) over pieces of a row, as
// largest/τ + log Σ exp((x − largest)/τ).
type logSumExp struct{ largest, sum float64 }

// raise makes room for values up to x.
func (a *logSumExp) raise(x, tau float64) {
	if x > a.largest {
		a.sum *= math.Exp((a.largest - x) / tau)
		a.largest = x
	}
}

func (a *logSumExp) value(tau float64) float64 { return a.largest/tau + math.Log(a.sum) }

// rowSum is what the forward pass gathers of one anchor.
type rowSum struct {
	all         logSumExp // over A(i)
	positive    logSumExp // over P(i); Eq. 3 only
	sumPositive float64   // Σ ⟨z_i, z_p⟩; Eq. 1 and 2 only
}

// reset empties the sums. In the wide form largest is the largest x so far, so
// that no exponential exceeds 1; else it stays 0.
func (r *rowSum) reset(wide bool) {
	*r = rowSum{}
	if wide {
		r.all.largest, r.positive.largest = math.Inf(-1), math.Inf(-1)
	}
}

// finishRows turns the running sums into ℓ_i and into what Backward needs: with
// c = (τ/τ_base)/counted, exp(−lse_i)·c/τ, and what each positive of anchor i
// takes off, c/τ/|P(i)| or, for Eq. 3, exp(−lse over P(i))·c/τ before it is
// multiplied by exp(s_ip). All are 0 for rows that are no counted anchors.
func (l *Loss) finishRows() {
	for i := l.lo; i < l.hi; i++ {
		l.perAnchor[i-l.lo] = 0
		positives := l.grouping.positives(i)
		if positives == 0 {
			continue
		}
		l.counted++
		r := &l.rows[i]
		l.lse[i] = r.all.value(l.cfg.Temperature)
		if l.cfg.Variant == SupConIn {
			l.lsePositive[i] = r.positive.value(l.cfg.Temperature)
			l.perAnchor[i-l.lo] = l.lse[i] - l.lsePositive[i] + math.Log(float64(positives))
		} else {
			l.perAnchor[i-l.lo] = l.lse[i] - r.sumPositive/float64(positives)/l.cfg.Temperature
		}
	}
	l.coefficient = l.cfg.factor() / float64(l.counted) / l.cfg.Temperature
	for i, lse := range l.lse {
		l.all[i] = float32(l.coefficient * math.Exp(-lse))
		switch {
		case math.IsInf(lse, 1):
			l.positive[i] = 0
		case l.cfg.Variant == SupConIn:
			l.positive[i] = float32(l.coefficient * math.Exp(-l.lsePositive[i]))
		default:
			l.positive[i] = float32(l.coefficient / float64(l.grouping.positives(i)))
		}
	}
}
