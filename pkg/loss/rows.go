package loss

import "math"

// logSumExp accumulates log Σ exp(x/τ) over pieces of a row; largest is the
// largest x so far, so that no exponential exceeds 1.
type logSumExp struct{ largest, sum float64 }

func (a *logSumExp) reset() { *a = logSumExp{largest: math.Inf(-1)} }

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

func (r *rowSum) reset() {
	r.all.reset()
	r.positive.reset()
	r.sumPositive = 0
}

// reduceStripe adds the tile's columns to the sums of some of its rows.
func (l *Loss) reduceStripe(stripe int) {
	tau := l.cfg.Temperature
	from := l.r0 + stripe*stripeRows
	for i := from; i < min(from+stripeRows, l.r1); i++ {
		row, r := l.row(i), &l.rows[i]
		l.addPositives(row, r, i)
		r.all.raise(float64(l.engine.MaxRow(row)), tau)
		if !math.IsInf(r.all.largest, -1) { // else the diagonal alone so far
			r.all.sum += float64(l.engine.ExpSumRow(row, row, float32(1/tau), float32(r.all.largest)))
		}
	}
}

func (l *Loss) addPositives(row []float32, r *rowSum, i int) {
	tau := l.cfg.Temperature
	for _, p := range between(l.grouping.rows(i), l.c0, l.c1) {
		if int(p) == i {
			continue
		}
		x := float64(row[int(p)-l.c0])
		if l.cfg.Variant == SupConIn {
			r.positive.raise(x, tau)
			r.positive.sum += math.Exp((x - r.positive.largest) / tau)
		} else {
			r.sumPositive += x
		}
	}
}

// gradientStripe turns similarities into (G_ij + G_ji)/c for some rows of the
// tile: the softmaxes q_ij + q_ji of all pairs, less the share of the positives.
func (l *Loss) gradientStripe(stripe int) {
	from := l.r0 + stripe*stripeRows
	for i := from; i < min(from+stripeRows, l.r1); i++ {
		row := l.row(i)
		positives := between(l.grouping.rows(i), l.c0, l.c1)
		shares := l.scratch[stripe*tileColumns:][:len(positives)]
		for k, p := range positives {
			shares[k] = l.positiveShare(row[int(p)-l.c0], i, int(p))
		}
		l.softmaxes(row, i)
		for k, p := range positives {
			row[int(p)-l.c0] -= shares[k]
		}
	}
}

// positiveShare is what the positive pair (i, p) with x = ⟨z_i, z_p⟩ takes off
// q_ip + q_pi: 1/|P| for each of the two that is a counted anchor, or for Eq. 3
// the softmax over the positives alone.
func (l *Loss) positiveShare(x float32, i, p int) float32 {
	if i == p {
		return 0
	}
	if l.cfg.Variant == SupConIn {
		s := float64(x) / l.cfg.Temperature
		return float32(math.Exp(s-l.lsePositive[i]) + math.Exp(s-l.lsePositive[p]))
	}
	var anchors float64
	for _, row := range [2]int{i, p} {
		if !math.IsInf(l.lse[row], 1) {
			anchors++
		}
	}
	return float32(anchors / float64(l.grouping.positives(i))) // |P(i)| = |P(p)|: each counts the group without itself
}

// widest is how far a row's largest similarity may lie above the smallest
// log-sum-exp, in exponents of e, before softmaxes' product leaves the range of
// float32; what it then loses to underflow is below e^(60−87).
const widest = 60

// softmaxes replaces the similarities of row i by q_ij + q_ji, in one
// exponential for both: with E_ij = exp(s_ij − largest_i),
//
//	q_ij + q_ji = E_ij·(exp(largest_i − lse_i) + exp(largest_i − leastLSE)·column_j).
func (l *Loss) softmaxes(row []float32, i int) {
	tau := l.cfg.Temperature
	largest := l.rows[i].all.largest
	if math.IsInf(largest, -1) { // no anchor: the forward pass did not see it
		largest = float64(l.engine.MaxRow(row))
	}
	if math.IsInf(largest, -1) { // the diagonal alone
		clear(row)
		return
	}
	if largest/tau-l.leastLSE > widest {
		l.softmaxesApart(row, i)
		return
	}
	l.engine.ExpSumRow(row, row, float32(1/tau), float32(largest))
	own := float32(math.Exp(largest/tau - l.lse[i]))
	others := float32(math.Exp(largest/tau - l.leastLSE))
	column := l.column[l.c0:l.c1][:len(row)]
	for j, e := range row {
		row[j] = e * (own + others*column[j])
	}
}

// softmaxesApart is softmaxes by two exponentials, for any range.
func (l *Loss) softmaxesApart(row []float32, i int) {
	for j, x := range row {
		s := float64(x) / l.cfg.Temperature
		row[j] = float32(math.Exp(s-l.lse[i]) + math.Exp(s-l.lse[l.c0+j]))
	}
}
