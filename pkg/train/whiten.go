package train

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"supcon/pkg/augment"
	"supcon/pkg/loader"
)

const (
	whitenImages = 1000 // evenly spaced images whose patches are looked at
	whitenBatch  = 50
	whitenGrid   = 32   // patches each way, roughly
	whitenFloor  = 1e-6 // least variance of a direction, as a share of the greatest
)

// whiten points the stem's filters along the principal directions of the training images' patches:
//
//	w_2i = v_i/√λ_i, w_2i+1 = −w_2i,  Σ = E[p·pᵀ] = Σ_i λ_i·v_i·v_iᵀ, λ falling
//
// for patches p (R·S·C) of normalised pictures, so that their outputs have unit variance and are
// uncorrelated up to the sign. Filters beyond twice the number of directions keep their first values.
// Source: Jordan 2024, arXiv 2404.00498, §3.1, after Page 2018; here the filters are trained on.
func (t *Trainer) whiten(ctx context.Context) error {
	stem := t.net.Params()[0]
	size, k := stem.Shape[0], stem.Shape[3]
	sums, err := t.patchMoments(ctx, size)
	if err != nil {
		return err
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(sums, true) {
		return fmt.Errorf("train: the principal directions of the images' patches cannot be found; use --init kaiming")
	}
	var directions mat.Dense
	eigen.VectorsTo(&directions)
	values := eigen.Values(nil) // rising
	taps := len(values)
	w := stem.Value.Float32s()
	for f := range min(k, 2*taps) {
		column := taps - 1 - f/2
		scale := 1 / math.Sqrt(max(values[column], whitenFloor*values[taps-1], math.SmallestNonzeroFloat32))
		if f%2 == 1 {
			scale = -scale
		}
		for i := range taps {
			w[i*k+f] = float32(directions.At(i, column) * scale)
		}
	}
	return nil
}

// patchMoments is E[p·pᵀ] over size×size×3 patches inside the pictures, on a grid in large ones.
func (t *Trainer) patchMoments(ctx context.Context, size int) (*mat.SymDense, error) {
	whole, err := augment.New("none", t.recipe.Size, t.recipe.Mean, t.recipe.Std)
	if err != nil {
		return nil, err
	}
	side, taps := t.recipe.Size, size*size*3
	step := max(1, side/whitenGrid)
	sums, patches, patch := make([]float64, taps*taps), 0, make([]float64, taps)
	_, err = loader.Whole(ctx, t.data.train.Sample(whitenImages), whole, loader.Options{Batch: whitenBatch, Workers: t.cfg.Workers}, func(b *loader.Batch) error {
		for image := range len(b.Index) {
			x := b.X[image*side*side*3:][:side*side*3]
			for row := 0; row+size <= side; row += step {
				for col := 0; col+size <= side; col += step {
					for r := range size {
						for i, v := range x[((row+r)*side+col)*3:][:size*3] {
							patch[r*size*3+i] = float64(v)
						}
					}
					addOuter(sums, patch)
					patches++
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	moments := mat.NewSymDense(taps, nil)
	for i := range taps {
		for j := i; j < taps; j++ {
			moments.SetSym(i, j, sums[i*taps+j]/float64(max(patches, 1)))
		}
	}
	return moments, nil
}

// addOuter adds the upper triangle of p·pᵀ to sums.
func addOuter(sums, p []float64) {
	for i, v := range p {
		row := sums[i*len(p):][:len(p)]
		for j := i; j < len(p); j++ {
			row[j] += v * p[j]
		}
	}
}
