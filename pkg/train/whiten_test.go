package train

import (
	"context"
	"math"
	"testing"

	"supcon/pkg/config"
)

// The outputs of the first filters over the patches are uncorrelated, of unit variance, and come in
// pairs of opposite sign: w_fᵀ·Σ·w_g = ±1 within a pair, 0 between pairs.
func TestWhitenedStemDecorrelatesPatches(t *testing.T) {
	cfg := quick(shapes(t, 8))
	cfg.Init = config.Whitened
	trainer, err := prepare(context.Background(), cfg, nil, Options{Observer: &watcher{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = trainer.Close() })
	sigma, err := trainer.patchMoments(context.Background(), 3)
	if err != nil {
		t.Fatal(err)
	}
	stem := trainer.net.Params()[0]
	k, w := stem.Shape[3], stem.Value.Float32s()
	for f := range 8 {
		for g := range 8 {
			sum := 0.0
			for i := range 27 {
				for j := range 27 {
					sum += float64(w[i*k+f]) * sigma.At(i, j) * float64(w[j*k+g])
				}
			}
			want := 0.0
			if f/2 == g/2 {
				want = 1
				if f != g {
					want = -1
				}
			}
			if math.Abs(sum-want) > 1e-4 {
				t.Errorf("filters %d and %d: covariance %g, want %g", f, g, sum, want)
			}
		}
	}
}
