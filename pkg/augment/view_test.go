package augment

import (
	"image"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"supcon/pkg/fault"
	"supcon/pkg/random"
)

// smooth is a picture with structure, as photographs have.
func smooth(width, height int, seed uint64) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	rng := random.New(seed, random.Bench)
	var fx, fy, phase [3]float64
	for c := range 3 {
		fx[c], fy[c], phase[c] = 0.4*rng.Float64(), 0.4*rng.Float64(), 6*rng.Float64()
	}
	for i := range width * height {
		for c := range 3 {
			img.Pix[4*i+c] = uint8(128 + 120*math.Sin(fx[c]*float64(i%width)+fy[c]*float64(i/width)+phase[c]))
		}
		img.Pix[4*i+3] = 255
	}
	return img
}

// apart is how many levels the fused path may be from imaging: none where the
// compiler rounds every product, one where it fuses multiplication and addition.
func apart() int {
	if runtime.GOARCH == "amd64" {
		return 0
	}
	return 1
}

// Each stage of the fused path agrees with imaging: cropping, resizing and
// flipping; then, from equal pixels, every colour operation and the blur.
func TestFusedAgreesWithImaging(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width, height := rapid.IntRange(1, fusedSide).Draw(t, "width"), rapid.IntRange(1, fusedSide).Draw(t, "height")
		r := &Recipe{Size: rapid.IntRange(1, fusedSide).Draw(t, "size"), SolarizeThreshold: 100}
		seed := rapid.Uint64().Draw(t, "seed")
		img := noise(width, height, seed)
		rng := random.New(seed, random.View)
		strong := &Recipe{Crop: seed%4 > 0, CropScale: [2]float64{0.05, 1}, CropRatio: [2]float64{0.5, 2}, FlipProb: 0.5, JitterProb: 0.9,
			Brightness: 0.8, Contrast: 0.8, Saturation: 0.8, Hue: 0.5, GrayscaleProb: 0.1, BlurProb: 0.5, BlurSigma: [2]float64{0.1, 4}, SolarizeProb: 0.2}
		p := strong.draw(rng, width, height)

		geometry := plan{crop: p.crop, flip: p.flip}
		want := r.throughImaging(img, &geometry)
		s := newScratch()
		r.render(s, img, &geometry)
		if d := largestDifference(s.image(), want); d > apart() {
			t.Fatalf("crop %v of %d×%d to %d is off by %d levels", p.crop, width, height, r.Size, d)
		}

		p.crop, p.flip = image.Rectangle{}, false
		s.load(want)
		s.color(&p, r.solarizeFrom())
		if d := largestDifference(s.image(), r.throughImaging(want, &p)); d > apart() {
			t.Fatalf("colours %+v are off by %d levels", p, d)
		}
	})
}

// Whole views agree too, but where a level apart is amplified by the jitter
// that follows, which may happen here and there.
func TestWholeViewsAgreeWithImaging(t *testing.T) {
	fused, through := mustNew(t, "imagenet", 32), mustNew(t, "imagenet", 32)
	through.Imaging = true
	a, b := make([]float32, 3*32*32), make([]float32, 3*32*32)
	far := 0
	const views = 200
	for i := range uint64(views) {
		img := smooth(32, 32, i)
		fused.View(a, img, random.New(1, random.View, i))
		through.View(b, img, random.New(1, random.View, i))
		for k := range a {
			if levels := 255 * math.Abs(float64(a[k]-b[k])*float64(fused.Std[k%3])); levels > float64(apart())+0.01 {
				far++
			}
		}
	}
	if share := float64(far) / (views * float64(len(a))); share > 0.002*float64(apart()) {
		t.Errorf("%.3f %% of the values differ by more than %d levels", 100*share, apart())
	}
}

func TestViewIsAFunctionOfPictureAndStream(t *testing.T) {
	for _, imaging := range []bool{false, true} {
		r := mustNew(t, "imagenet", 24)
		r.Imaging = imaging
		img := smooth(40, 33, 1)
		before := slices.Clone(img.Pix)
		views := make([][]float32, 16)
		var group sync.WaitGroup
		for i := range views {
			views[i] = make([]float32, 3*24*24)
			group.Go(func() { r.View(views[i], img, random.New(1, random.View, uint64(i/2))) })
		}
		group.Wait()
		for i := 0; i < len(views); i += 2 {
			if !slices.Equal(views[i], views[i+1]) {
				t.Errorf("imaging %v: equal streams gave different views", imaging)
			}
			if i > 0 && slices.Equal(views[i], views[i-2]) {
				t.Errorf("imaging %v: different streams gave equal views", imaging)
			}
		}
		if !slices.Equal(before, img.Pix) {
			t.Errorf("imaging %v: the picture was changed", imaging)
		}
	}
}

func TestPictureIsTheViewBeforeNormalisation(t *testing.T) {
	for _, size := range []int{24, 80} {
		r := mustNew(t, "imagenet", size)
		img := smooth(90, 70, 2)
		view := make([]float32, 3*size*size)
		for seed := range uint64(10) {
			r.View(view, img, random.New(seed, random.View))
			picture := r.Picture(img, random.New(seed, random.View))
			for i, v := range view {
				want := (float32(picture.Pix[i/3*4+i%3])/255 - r.Mean[i%3]) / r.Std[i%3]
				if v != want || picture.Pix[i/3*4+3] != 255 {
					t.Fatalf("size %d: value %d is %g, want %g", size, i, v, want)
				}
			}
		}
	}
}

func TestWholeIsTheCentreSquare(t *testing.T) {
	cases := []struct {
		width, height, size int
		part                image.Rectangle
		to, corner          image.Point
	}{
		{32, 32, 32, image.Rect(0, 0, 32, 32), image.Pt(32, 32), image.Pt(0, 0)},
		{48, 32, 32, image.Rect(0, 0, 48, 32), image.Pt(48, 32), image.Pt(8, 0)},
		{33, 50, 32, image.Rect(0, 0, 33, 50), image.Pt(32, 48), image.Pt(0, 8)},
		{500, 375, 224, image.Rect(0, 0, 500, 375), image.Pt(341, 256), image.Pt(58, 16)},
		{64, 64, 64, image.Rect(0, 0, 64, 64), image.Pt(64, 64), image.Pt(0, 0)},
		{70, 70, 65, image.Rect(0, 0, 70, 70), image.Pt(74, 74), image.Pt(4, 4)},
		{1000, 10, 32, image.Rect(490, 0, 510, 10), image.Pt(64, 32), image.Pt(16, 0)},
		{1, 90_000_000, 224, image.Rect(0, 44_999_999, 1, 45_000_001), image.Pt(256, 512), image.Pt(16, 144)},
	}
	for _, c := range cases {
		part, to, corner := wholeGeometry(c.width, c.height, c.size)
		if part != c.part || to != c.to || corner != c.corner {
			t.Errorf("%d×%d at %d: %v to %v from %v, want %v to %v from %v", c.width, c.height, c.size, part, to, corner, c.part, c.to, c.corner)
		}
	}
}

func TestWholeNormalises(t *testing.T) {
	img := smooth(32, 32, 5)
	r := mustNew(t, "cifar", 32)
	dst := make([]float32, 3*32*32)
	r.Whole(dst, img)
	for i := range 32 * 32 {
		for c := range 3 {
			want := (float32(img.Pix[4*i+c])/255 - r.Mean[c]) / r.Std[c]
			if dst[3*i+c] != want {
				t.Fatalf("pixel %d, channel %d is %g, want %g", i, c, dst[3*i+c], want)
			}
		}
	}
	none := mustNew(t, "none", 32)
	view := make([]float32, len(dst))
	if none.View(view, img, random.New(1, random.View)); !slices.Equal(view, dst) {
		t.Error("a view of the recipe none is not the whole picture")
	}
	r.Mean = [3]float32{}
	if r.Whole(view, img); slices.Equal(view, dst) {
		t.Error("a changed mean has no effect")
	}
}

// Every size of picture gives a view of every size, on either path.
func TestOddSizes(t *testing.T) {
	for _, size := range []int{1, 2, 31, 64, 65} {
		for _, from := range []image.Point{{1, 1}, {1, 64}, {64, 1}, {3, 200}, {2000, 1}, {65, 65}} {
			for _, name := range Names() {
				for _, imaging := range []bool{false, true} {
					r := mustNew(t, name, size)
					r.Imaging = imaging
					dst := make([]float32, 3*size*size)
					for i := range dst {
						dst[i] = float32(math.NaN())
					}
					r.View(dst, noise(from.X, from.Y, 1), random.New(1, random.View))
					r.Whole(dst, noise(from.X, from.Y, 1))
					if slices.ContainsFunc(dst, func(v float32) bool { return v != v }) {
						t.Errorf("%s of %v at %d leaves values unset", name, from, size)
					}
				}
			}
		}
	}
}

func TestRecipesAreChecked(t *testing.T) {
	if _, err := New("cifr", 32, [3]float32{}, [3]float32{1, 1, 1}); fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), "cifar, imagenet, none") {
		t.Errorf("an unknown recipe: %v", err)
	}
	nan := math.NaN()
	for name, spoil := range map[string]func(r *Recipe){
		"size":       func(r *Recipe) { r.Size = 0 },
		"std":        func(r *Recipe) { r.Std[1] = 0 },
		"flip":       func(r *Recipe) { r.FlipProb = 1.5 },
		"jitter":     func(r *Recipe) { r.JitterProb = nan },
		"scale":      func(r *Recipe) { r.CropScale = [2]float64{0.5, 0.2} },
		"scale zero": func(r *Recipe) { r.CropScale[0] = 0 },
		"ratio":      func(r *Recipe) { r.CropRatio[0] = -1 },
		"brightness": func(r *Recipe) { r.Brightness = -0.1 },
		"hue":        func(r *Recipe) { r.Hue = 0.6 },
		"sigma":      func(r *Recipe) { r.BlurSigma[0] = 0 },
		"solarize":   func(r *Recipe) { r.SolarizeProb = -1 },
	} {
		r := mustNew(t, "imagenet", 32)
		spoil(r)
		if err := r.Check(); fault.Of(err) != fault.Usage {
			t.Errorf("%s: %v, want a usage error", name, err)
		}
	}
	const want = "imagenet 224 px; crop 0.2–1 of the area at ratio 0.75–1.33; flip p=0.5; jitter p=0.8 (brightness 0.4, contrast 0.4, saturation 0.4, hue 0.1); grayscale p=0.2; blur p=0.5 (sigma 0.1–2 px)"
	if got := mustNew(t, "imagenet", 224).String(); got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if got := mustNew(t, "none", 8).String(); got != "none 8 px; whole picture" {
		t.Errorf("String() = %q", got)
	}
}
