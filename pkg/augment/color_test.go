package augment

import (
	"math"
	"testing"

	"supcon/pkg/random"
)

// pillowHue is Pillow's rgb2hsv, a shift of H, and hsv2rgb, in its own mixture
// of float and double.
func pillowHue(in [3]uint8, by uint8) [3]uint8 {
	top, bottom := max(in[0], in[1], in[2]), min(in[0], in[1], in[2])
	if top == bottom {
		return in
	}
	span := float32(top - bottom)
	distance := func(c int) float64 { return float64(float32(top-in[c]) / span) }
	var h float32
	switch top {
	case in[0]:
		h = float32(distance(2) - distance(1))
	case in[1]:
		h = float32(2 + distance(0) - distance(2))
	default:
		h = float32(4 + distance(1) - distance(0))
	}
	turn := float32(math.Mod(float64(h)/6+1, 1))
	hue := uint8(int(float64(turn)*255)) + by
	saturation := uint8(int(float64(span/float32(top)) * 255))

	sixth := math.Floor(float64(hue) * 6 / 255)
	f := float32(float64(hue)*6/255 - sixth)
	fs, v := float32(saturation)/255, float64(top)
	cut := func(x float64) uint8 { return uint8(max(0, min(255, math.Round(x)))) }
	p := cut(v * (1 - float64(fs)))
	q := cut(v * (1 - float64(fs*f)))
	t := cut(v * (1 - float64(fs)*(1-float64(f))))
	return [][3]uint8{{top, t, p}, {q, top, p}, {p, top, t}, {p, q, top}, {t, p, top}, {top, p, q}}[int(sixth)%6]
}

func TestHueShiftIsPillows(t *testing.T) {
	rng := random.New(1, random.Bench)
	tables := hues()
	for range 300_000 {
		draw := rng.Uint64()
		in, by := [3]uint8{uint8(draw), uint8(draw >> 8), uint8(draw >> 16)}, uint8(draw>>24)
		if draw>>60 == 0 { // colours near grey, and pairs of equal channels
			in[1], in[2] = in[0]+in[1]%4, in[0]
		}
		want := pillowHue(in, by)
		r, g, b := tables.shift(in[0], in[1], in[2], by)
		if got := [3]uint8{r, g, b}; got != want {
			t.Fatalf("%v shifted by %d is %v, want %v", in, by, got, want)
		}
	}
}

func TestHueShiftTruncatesTowardsZero(t *testing.T) {
	for factor, want := range map[float64]uint8{0: 0, 0.1: 25, -0.1: 231, 0.5: 127, -0.5: 129, 0.003: 0, -0.003: 0} {
		if got := hueShift(factor); got != want {
			t.Errorf("hueShift(%g) = %d, want %d", factor, got, want)
		}
	}
}

func TestBlendEnds(t *testing.T) {
	for v := range 256 {
		for from := range 256 {
			f, to := uint8(from), uint8(v)
			if blend(f, to, 0) != f || blend(f, to, 1) != to {
				t.Fatalf("blending %d and %d does not begin at the one and end at the other", f, to)
			}
		}
	}
	if got := blend(100, 200, 3); got != 255 {
		t.Errorf("too bright is %d, want 255", got)
	}
	if got := blend(200, 100, 3); got != 0 {
		t.Errorf("too dark is %d, want 0", got)
	}
}

func TestSolarizeInvertsFromTheThreshold(t *testing.T) {
	img := noise(16, 16, 3)
	var c chain
	c.solarize(128)
	got := c.apply(img)
	for i, v := range img.Pix {
		want := v
		if i%4 != 3 && v >= 128 {
			want = 255 - v
		}
		if got.Pix[i] != want {
			t.Fatalf("%d becomes %d, want %d", v, got.Pix[i], want)
		}
	}
}
