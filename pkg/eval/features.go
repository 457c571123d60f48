package eval

import (
	"fmt"
	"math"

	"supcon/pkg/fault"
	"supcon/pkg/kernel"
)

// rowBlock is how many rows one task or one product takes. Part of how sums are
// ordered, it does not depend on the number of threads.
const rowBlock = 2048

// blocks calls task(block, lo, hi) for every block of n rows, in parallel.
func blocks(e *kernel.Engine, n int, task func(block, lo, hi int)) {
	e.Parallel(blockCount(n), func(i int) { task(i, i*rowBlock, min(n, (i+1)*rowBlock)) })
}

func blockCount(n int) int { return (n + rowBlock - 1) / rowBlock }

// checkRows returns the dimension of features x of len(labels) rows, once they
// are finite and every label is one of the classes.
func checkRows(e *kernel.Engine, what string, x []float32, labels []int, classes int) (d int, err error) {
	n := len(labels)
	if n == 0 || len(x) == 0 {
		return 0, fault.Data.Errorf("eval: the %s set is empty: give labelled images", what)
	}
	if len(x)%n != 0 {
		return 0, fmt.Errorf("eval: %s features: %d values are not %d rows", what, len(x), n)
	}
	for i, y := range labels {
		if y < 0 || y >= classes {
			return 0, fault.Data.Errorf("eval: image %d of the %s set has no label (%d of %d classes): give labelled images", i, what, y, classes)
		}
	}
	d = len(x) / n
	if row, ok := firstNonFinite(e, x, n, d); ok {
		return 0, fault.Checkpoint.Errorf("eval: the features of image %d of the %s set are not finite numbers: the encoder has diverged, use an earlier checkpoint", row, what)
	}
	return d, nil
}

// firstNonFinite returns the first row with a NaN or an infinity.
func firstNonFinite(e *kernel.Engine, x []float32, n, d int) (row int, found bool) {
	first := make([]int, blockCount(n))
	blocks(e, n, func(block, lo, hi int) {
		first[block] = -1
		for i, v := range x[lo*d : hi*d] {
			if v-v != 0 { // only of a NaN and of infinities
				first[block] = lo + i/d
				return
			}
		}
	})
	for _, row := range first {
		if row >= 0 {
			return row, true
		}
	}
	return 0, false
}

// moments returns mean and standard deviation (of the population; 1 where it is
// 0, as in scikit-learn's StandardScaler) of every column of x (n, d).
func moments(e *kernel.Engine, x []float32, n, d int) (mean, std []float32) {
	sum := columnSums(e, n, d, func(sums []float64, row int) {
		for j, v := range x[row*d : (row+1)*d] {
			sums[j] += float64(v)
		}
	})
	for j := range sum {
		sum[j] /= float64(n)
	}
	square := columnSums(e, n, d, func(sums []float64, row int) {
		for j, v := range x[row*d : (row+1)*d] {
			sums[j] += (float64(v) - sum[j]) * (float64(v) - sum[j])
		}
	})
	mean, std = make([]float32, d), make([]float32, d)
	for j := range mean {
		mean[j], std[j] = float32(sum[j]), float32(math.Sqrt(square[j]/float64(n)))
		// A constant column has a deviation of rounding errors alone.
		if float64(std[j]) <= 1e-7*math.Abs(sum[j]) || std[j] == 0 {
			std[j] = 1
		}
	}
	return mean, std
}

// columnSums adds what add adds for each of n rows, block by block.
func columnSums(e *kernel.Engine, n, d int, add func(sums []float64, row int)) []float64 {
	partial := make([]float64, blockCount(n)*d)
	blocks(e, n, func(block, lo, hi int) {
		for row := lo; row < hi; row++ {
			add(partial[block*d:(block+1)*d], row)
		}
	})
	sums := partial[:d]
	for block := 1; block < blockCount(n); block++ {
		for j := range sums {
			sums[j] += partial[block*d+j]
		}
	}
	return sums
}

// standardize writes (x − mean)/std of one row to dst.
func standardize(dst, x, mean, std []float32) {
	for j, v := range x {
		dst[j] = (v - mean[j]) / std[j]
	}
}
