package augment

import (
	"image"
	"testing"

	"supcon/pkg/random"
)

// noise is a picture of independent random values, the worst case of colour.
func noise(width, height int, seed uint64) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	rng := random.New(seed, random.Bench)
	for i := range img.Pix {
		img.Pix[i] = uint8(rng.Uint64())
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	return img
}

func mustNew(t testing.TB, name string, size int) *Recipe {
	r, err := New(name, size, [3]float32{0.49, 0.48, 0.45}, [3]float32{0.25, 0.24, 0.26})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func BenchmarkView(b *testing.B) {
	cases := []struct {
		name, recipe string
		from, size   int
		imaging      bool
	}{
		{"cifar32/fused", "cifar", 32, 32, false},
		{"cifar32/imaging", "cifar", 32, 32, true},
		{"imagenet64/fused", "imagenet", 64, 64, false},
		{"imagenet224/imaging", "imagenet", 400, 224, false},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			r := mustNew(b, c.recipe, c.size)
			r.Imaging = c.imaging
			img := noise(c.from, c.from, 1)
			dst := make([]float32, 3*c.size*c.size)
			rng := &random.Source{}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				rng.Reset(1, random.View, uint64(i))
				r.View(dst, img, rng)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "views/s")
		})
	}
}
