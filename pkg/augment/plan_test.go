package augment

import (
	"fmt"
	"image"
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"supcon/pkg/random"
)

func TestCropsKeepToTheirBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width, height := rapid.IntRange(1, 500).Draw(t, "width"), rapid.IntRange(1, 500).Draw(t, "height")
		low := rapid.Float64Range(0.01, 1).Draw(t, "low")
		r := &Recipe{CropScale: [2]float64{low, rapid.Float64Range(low, 1).Draw(t, "high")}, CropRatio: [2]float64{3. / 4, 4. / 3}}
		box := r.drawCrop(random.New(rapid.Uint64().Draw(t, "seed"), random.View), width, height)
		if box.Empty() || !box.In(image.Rect(0, 0, width, height)) {
			t.Fatalf("crop %v of %d×%d", box, width, height)
		}
		// Sides are rounded, so the bounds hold to half a pixel a side.
		w, h := float64(box.Dx()), float64(box.Dy())
		central := box.Min.X == (width-box.Dx())/2 && box.Min.Y == (height-box.Dy())/2
		area := float64(width * height)
		if !central && ((w+0.5)*(h+0.5) < r.CropScale[0]*area || (w-0.5)*(h-0.5) > r.CropScale[1]*area) {
			t.Fatalf("crop %v has %.3f of the area, allowed %v", box, w*h/area, r.CropScale)
		}
		if (w+0.5)/(h-0.5) < r.CropRatio[0] || (w-0.5)/(h+0.5) > r.CropRatio[1] {
			if box.Dx() != 1 && box.Dy() != 1 { // one pixel has no other ratio to offer
				t.Fatalf("crop %v has the ratio %.3f, allowed %v", box, w/h, r.CropRatio)
			}
		}
	})
}

func TestCropFallsBackToTheCentre(t *testing.T) {
	r := mustNew(t, "cifar", 32)
	r.CropScale = [2]float64{1, 1} // only whole pictures, which no allowed ratio fits
	for _, c := range []struct {
		width, height int
		want          image.Rectangle
	}{
		{300, 100, image.Rect(83, 0, 216, 100)},
		{100, 300, image.Rect(0, 83, 100, 216)},
		{1000, 1, image.Rect(499, 0, 500, 1)},
		{1, 1000, image.Rect(0, 499, 1, 500)},
	} {
		if got := r.drawCrop(random.New(1, random.View), c.width, c.height); got != c.want {
			t.Errorf("crop of %d×%d is %v, want %v", c.width, c.height, got, c.want)
		}
	}
}

const draws = 100_000

// checkCounts compares counts with what is expected of each cell by Pearson's
// chi-square, at a level that one test in a million would miss by chance.
func checkCounts(t *testing.T, what string, counts map[string]int, expected map[string]float64) {
	t.Helper()
	statistic := 0.0
	for cell, want := range expected {
		d := float64(counts[cell]) - want
		statistic += d * d / want
	}
	for cell := range counts {
		if _, ok := expected[cell]; !ok {
			t.Errorf("%s: %q happened, which must not", what, cell)
		}
	}
	limit := distuv.ChiSquared{K: float64(len(expected) - 1)}.Quantile(1 - 1e-6)
	if statistic > limit {
		t.Errorf("%s: chi-square %.1f of %d cells, limit %.1f: %v", what, statistic, len(expected), limit, counts)
	}
}

func TestProbabilities(t *testing.T) {
	r := mustNew(t, "imagenet", 32)
	r.SolarizeProb = 0.3
	happened := map[string]func(p plan) bool{
		"flip":      func(p plan) bool { return p.flip },
		"jitter":    func(p plan) bool { return p.operation > 0 },
		"grayscale": func(p plan) bool { return p.gray },
		"blur":      func(p plan) bool { return p.blur > 0 },
		"solarize":  func(p plan) bool { return p.solarize },
	}
	probability := map[string]float64{"flip": 0.5, "jitter": 0.8, "grayscale": 0.2, "blur": 0.5, "solarize": 0.3}
	counts := map[string]map[string]int{}
	for name := range happened {
		counts[name] = map[string]int{}
	}
	rng := &random.Source{}
	for i := range draws {
		rng.Reset(1, random.View, 0, uint64(i), 0)
		p := r.draw(rng, 40, 30)
		for name, f := range happened {
			counts[name][fmt.Sprint(f(p))]++
		}
	}
	for name, p := range probability {
		checkCounts(t, name, counts[name], map[string]float64{"true": p * draws, "false": (1 - p) * draws})
	}
}

func TestJitterIsUniformInOrderAndFactors(t *testing.T) {
	r := mustNew(t, "cifar", 32)
	r.JitterProb = 1
	low := map[kind]float64{brightness: 0.6, contrast: 0.6, saturation: 0.6, hue: -0.1}
	width := map[kind]float64{brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2}
	const bins = 10
	orders, factors := map[string]int{}, map[string]int{}
	rng := &random.Source{}
	for i := range draws {
		rng.Reset(2, random.View, uint64(i))
		p := r.draw(rng, 32, 32)
		order := ""
		for _, step := range p.jitter[:p.operation] {
			order += fmt.Sprint(step.kind)
			factors[fmt.Sprint(step.kind, math.Floor((step.factor-low[step.kind])/width[step.kind]*bins))]++
		}
		orders[order]++
	}
	expectedOrders, expectedFactors := map[string]float64{}, map[string]float64{}
	for order := range orders {
		expectedOrders[order] = draws / 24.
	}
	if len(orders) != 24 {
		t.Errorf("%d orders, want all 24 of four operations", len(orders))
	}
	for k := range low {
		for bin := range bins {
			expectedFactors[fmt.Sprint(k, float64(bin))] = draws / bins
		}
	}
	checkCounts(t, "orders", orders, expectedOrders)
	checkCounts(t, "factors", factors, expectedFactors)
}

// Of a large square picture no try fails at a scale up to a half, so area and
// logarithm of the ratio are uniform, and so is the place among those possible.
func TestCropsAreUniform(t *testing.T) {
	const side, bins = 4000, 10
	r := mustNew(t, "cifar", 32)
	r.CropScale = [2]float64{0.1, 0.5}
	area, ratio, left, top := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	add := func(counts map[string]int, share float64) { counts[fmt.Sprint(min(bins-1, max(0, int(share*bins))))]++ }
	rng := &random.Source{}
	for i := range draws {
		rng.Reset(3, random.View, uint64(i))
		box := r.drawCrop(rng, side, side)
		w, h := float64(box.Dx()), float64(box.Dy())
		add(area, (w*h/side/side-0.1)/0.4)
		add(ratio, (math.Log(w/h)-math.Log(0.75))/(math.Log(4./3)-math.Log(0.75)))
		add(left, float64(box.Min.X)/(side-w+1))
		add(top, float64(box.Min.Y)/(side-h+1))
	}
	expected := map[string]float64{}
	for bin := range bins {
		expected[fmt.Sprint(bin)] = draws / bins
	}
	for what, counts := range map[string]map[string]int{"area": area, "ratio": ratio, "left": left, "top": top} {
		checkCounts(t, what, counts, expected)
	}
}
