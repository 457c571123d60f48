package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/jpeg"
	"math"
	"slices"
	"testing"
)

// wave is a picture whose colours change slowly, so that the way chroma is
// interpolated matters little.
func wave(width, height int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		x, y := float64(i%width), float64(i/width)
		for c := range 3 {
			img.Pix[4*i+c] = uint8(128 + 100*math.Sin(0.05*x*float64(c+1)+0.04*y))
		}
		img.Pix[4*i+3] = 255
	}
	return img
}

// Both decoders agree at every size, of which blocks and pairs of pixels leave
// a rest.
func TestJPEGDecodersAgree(t *testing.T) {
	for width := 1; width <= 70; width += 3 {
		for height := 1; height <= 40; height++ {
			want := wave(width, height)
			for name, source := range map[string]image.Image{"colour": want, "grey": grayOf(want)} {
				data := encode(t, "JPEG", source)
				if !ordinary(data) {
					t.Fatalf("a %s JPEG of %d×%d is not taken for an ordinary one", name, width, height)
				}
				standard, err := jpeg.Decode(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				got, err := Decode(data)
				if err != nil {
					t.Fatal(err)
				}
				if d := difference(got, opaque(standard, standard.Bounds())); d > 20 {
					t.Fatalf("a %s JPEG of %d×%d is off by %d levels from the standard library's", name, width, height, d)
				}
			}
		}
	}
}

func grayOf(img *image.NRGBA) *image.Gray {
	gray := image.NewGray(img.Rect)
	for i := range gray.Pix {
		gray.Pix[i] = img.Pix[4*i]
	}
	return gray
}

// A file cut anywhere before its last two bytes, the end marker, is reported:
// half a picture must not pass for one.
func TestEveryTruncatedJPEGIsReported(t *testing.T) {
	data := encode(t, "JPEG", gradient(24, 24))
	for n := range len(data) - 3 {
		if _, err := Decode(data[:n]); err == nil {
			t.Fatalf("%d of %d bytes pass for a picture", n, len(data))
		}
	}
	// A whole thumbnail before the scan does not make the picture whole.
	thumbnail := append([]byte{0xff, 0xe1, 0, 10}, 0xff, 0xd8, 0xff, 0xd9, 0, 0, 0, 0)
	if _, err := Decode(insert(data, 2, thumbnail)[:len(data)/2]); err == nil {
		t.Error("half a picture with a thumbnail passes for a whole one")
	}
}

// The decoder's memory is not handed out twice.
func TestJPEGsDoNotShareMemory(t *testing.T) {
	first, err := Decode(encode(t, "JPEG", wave(40, 40)))
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(first.Pix)
	for range 5 {
		if _, err := Decode(encode(t, "JPEG", gradient(40, 40))); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(before, first.Pix) {
		t.Error("decoding another picture changed the first")
	}
}

// The pixels of the sample set are part of what a run on it reproduces: they do
// not depend on the processor, and another decoder would show here.
func TestPixelsOfTheSample(t *testing.T) {
	const want = "ef921307b6f4f2baf07cc9ad512a3901345842d519a77dca15d350c76a9b48e4"
	set := open(t, sample, Options{})
	sum := sha256.New()
	for i := range set.Items {
		img, err := set.Decode(i)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = sum.Write(img.Pix) // a hash does not fail
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("the pixels of the sample set have the checksum %s, want %s", got, want)
	}
}
