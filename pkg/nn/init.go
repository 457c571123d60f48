package nn

import (
	"math"

	"supcon/pkg/random"
)

// Init draws the first value of a parameter; index is its place among the
// model's parameters.
type Init func(data []float32, seed, index uint64)

// kaimingNormal is N(0, 2/fanOut), fanOut = K·R·S: PyTorch's kaiming_normal_
// with mode fan_out for ReLU. Source: He et al. 2015, arXiv 1502.01852.
func kaimingNormal(fanOut int) Init {
	return func(data []float32, seed, index uint64) {
		rng := random.New(seed, random.Init, index)
		sigma := math.Sqrt(2 / float64(fanOut))
		for i := range data {
			data[i] = float32(rng.NormFloat64() * sigma)
		}
	}
}

// linearUniform is U(−1/√in, 1/√in), PyTorch's default for the weight and the
// bias of a linear layer.
func linearUniform(in int) Init {
	return func(data []float32, seed, index uint64) {
		rng := random.New(seed, random.Init, index)
		bound := 1 / math.Sqrt(float64(in))
		for i := range data {
			data[i] = float32((2*rng.Float64() - 1) * bound)
		}
	}
}

func constant(value float32) Init {
	return func(data []float32, _, _ uint64) {
		for i := range data {
			data[i] = value
		}
	}
}
