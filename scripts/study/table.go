package main

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/stat"
)

// of lists one value of each result.
func (s sample) of(value func(r result) float64) []float64 {
	values := make([]float64, len(s))
	for i, r := range s {
		values[i] = value(r)
	}
	return values
}

func probeTop1(r result) float64 { return r.Top1 }
func knnTop1(r result) float64   { return r.KNNTop1 }
func trainS(r result) float64    { return r.TrainS }
func wallS(r result) float64     { return r.WallS }

// none stands where there is no figure.
const none = "–"

// meanDeviation writes mean ± standard deviation, of the sample: with n − 1.
func meanDeviation(values []float64) string {
	switch len(values) {
	case 0:
		return none
	case 1:
		return fmt.Sprintf("%.1f", values[0])
	}
	mean, deviation := stat.MeanStdDev(values, nil)
	return fmt.Sprintf("%.1f ± %.1f", mean, deviation)
}

// difference writes how much the mean of a is above that of b, and the standard
// error of that difference, √(s_a²/n_a + s_b²/n_b).
func difference(a, b []float64) string {
	if len(a) == 0 || len(b) == 0 {
		return none
	}
	meanA, varianceA := stat.MeanVariance(a, nil)
	meanB, varianceB := stat.MeanVariance(b, nil)
	text := fmt.Sprintf("%+.1f", meanA-meanB)
	if len(a) > 1 && len(b) > 1 {
		text += fmt.Sprintf(" ± %.1f", math.Sqrt(varianceA/float64(len(a))+varianceB/float64(len(b))))
	}
	return text
}

// ratio writes two mean times in seconds and the first as a part of the second.
func ratio(a, b []float64) string {
	if len(a) == 0 || len(b) == 0 {
		return none
	}
	meanA, meanB := stat.Mean(a, nil), stat.Mean(b, nil)
	return fmt.Sprintf("%.0f / %.0f = %.2f", meanA, meanB, meanA/meanB)
}

// seeds writes how many seeds a sample has, and of how many where some are missing.
func (s section) seeds(of sample) string {
	if len(of) < s.Seeds {
		return fmt.Sprintf("%d of %d, incomplete", len(of), s.Seeds)
	}
	return fmt.Sprint(len(of))
}

func row(b *strings.Builder, cells ...string) {
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}

// table has a row for each variant.
func (s section) table(b *strings.Builder) {
	row(b, "", "linear probe", "kNN", "steps", "training, s", "seeds")
	row(b, "---", "---", "---", "---", "---", "---")
	for i, of := range s.ours {
		steps, training := none, none
		if len(of) > 0 {
			steps, training = fmt.Sprint(of[0].Steps), fmt.Sprintf("%.0f", stat.Mean(of.of(trainS), nil))
		}
		row(b, s.variants[i].label(), meanDeviation(of.of(probeTop1)), meanDeviation(of.of(knnTop1)), steps, training, s.seeds(of))
	}
}

// compare has a row for each variant with both sides in it.
func (s section) compare(b *strings.Builder) {
	b.WriteString("A difference comes with its standard error, times are supcon's / PyTorch's means.\n\n")
	row(b, "", "linear probe", "PyTorch's", "difference", "kNN", "PyTorch's", "difference", "training, s", "with evaluation, s", "seeds", "PyTorch's")
	row(b, "---", "---", "---", "---", "---", "---", "---", "---", "---", "---", "---")
	for i, ours := range s.ours {
		peer := s.peer[i]
		cells := []string{s.variants[i].label()}
		for _, score := range []func(r result) float64{probeTop1, knnTop1} {
			a, b := ours.of(score), peer.of(score)
			cells = append(cells, meanDeviation(a), meanDeviation(b), difference(a, b))
		}
		row(b, append(cells, ratio(ours.of(trainS), peer.of(trainS)), ratio(ours.of(wallS), peer.of(wallS)), s.seeds(ours), s.seeds(peer))...)
	}
}
