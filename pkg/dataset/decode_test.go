package dataset

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"slices"
	"strings"
	"testing"

	"supcon/pkg/fault"
)

func TestEveryFormatDecodesToItsPixels(t *testing.T) {
	want := gradient(20, 12)
	for _, format := range []string{"JPEG", "PNG", "BMP", "TIFF"} {
		got, err := Decode(encode(t, format, want))
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		allowed := 0
		if format == "JPEG" {
			allowed = 12 // chroma has half the resolution
		}
		if d := difference(got, want); d > allowed {
			t.Errorf("%s is off by %d levels, allowed %d", format, d, allowed)
		}
	}
	for name, data := range webpFiles(t) {
		if img, err := Decode(data); err != nil || img.Rect != image.Rect(0, 0, 1, 1) {
			t.Errorf("WebP %s: %v, %v", name, img, err)
		}
	}
}

// difference is the largest of two pictures' values, 256 where sizes differ.
func difference(a, b *image.NRGBA) int {
	if a.Rect != b.Rect || len(a.Pix) != len(b.Pix) {
		return 256
	}
	largest := 0
	for i := range a.Pix {
		largest = max(largest, max(int(a.Pix[i])-int(b.Pix[i]), int(b.Pix[i])-int(a.Pix[i])))
	}
	return largest
}

func TestEveryColorModelBecomesRGB(t *testing.T) {
	box := image.Rect(0, 0, 4, 4)
	fill := func(img interface{ Set(x, y int, c color.Color) }, c color.Color) image.Image {
		for i := range 16 {
			img.Set(i%4, i/4, c)
		}
		return img.(image.Image)
	}
	cases := []struct {
		name string
		data []byte
		want color.NRGBA
	}{
		{"grey", encode(t, "PNG", fill(image.NewGray(box), color.Gray{99})), color.NRGBA{99, 99, 99, 255}},
		{"grey 16", encode(t, "PNG", fill(image.NewGray16(box), color.Gray16{0x80ff})), color.NRGBA{0x80, 0x80, 0x80, 255}},
		{"grey JPEG", encode(t, "JPEG", fill(image.NewGray(box), color.Gray{99})), color.NRGBA{99, 99, 99, 255}},
		{"RGB 16", encode(t, "PNG", fill(image.NewNRGBA64(box), color.NRGBA64{0x1234, 0x5678, 0x9abc, 0xffff})), color.NRGBA{0x12, 0x56, 0x9a, 255}},
		{"RGB 16 TIFF", encode(t, "TIFF", fill(image.NewRGBA64(box), color.RGBA64{0x1234, 0x5678, 0x9abc, 0xffff})), color.NRGBA{0x12, 0x56, 0x9a, 255}},
		{"half transparent", encode(t, "PNG", fill(image.NewNRGBA(box), color.NRGBA{255, 0, 100, 128})), color.NRGBA{255, 127, 177, 255}},
		{"transparent", encode(t, "PNG", fill(image.NewNRGBA(box), color.NRGBA{1, 2, 3, 0})), color.NRGBA{255, 255, 255, 255}},
		{"palette", encode(t, "PNG", fill(image.NewPaletted(box, color.Palette{color.NRGBA{9, 8, 7, 255}}), color.NRGBA{9, 8, 7, 255})), color.NRGBA{9, 8, 7, 255}},
		{"transparent palette", encode(t, "PNG", fill(image.NewPaletted(box, color.Palette{color.NRGBA{9, 8, 7, 0}}), color.NRGBA{9, 8, 7, 0})), color.NRGBA{255, 255, 255, 255}},
		{"palette GIF", encode(t, "GIF", fill(image.NewPaletted(box, color.Palette{color.NRGBA{9, 8, 7, 255}}), color.NRGBA{9, 8, 7, 255})), color.NRGBA{9, 8, 7, 255}},
		{"CMYK, cyan", cmykJPEG(255, 0, 0, 0), color.NRGBA{0, 255, 255, 255}},
		{"CMYK, dark red", cmykJPEG(0, 255, 255, 128), color.NRGBA{127, 0, 0, 255}},
		{"CMYK, white", cmykJPEG(0, 0, 0, 0), color.NRGBA{255, 255, 255, 255}},
	}
	for _, c := range cases {
		img, err := Decode(c.data)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := image.NewNRGBA(img.Rect)
		for i := range want.Pix {
			want.Pix[i] = []uint8{c.want.R, c.want.G, c.want.B, c.want.A}[i%4]
		}
		if d := difference(img, want); d > 1 {
			t.Errorf("%s is %v, want %v", c.name, img.NRGBAAt(0, 0), c.want)
		}
	}
}

// An animation gives its first frame, on the whole canvas.
func TestFirstFrameOfAnAnimation(t *testing.T) {
	palette := color.Palette{color.Transparent, color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 0, 255, 255}}
	frame := func(box image.Rectangle, index uint8) *image.Paletted {
		img := image.NewPaletted(box, palette)
		for i := range img.Pix {
			img.Pix[i] = index
		}
		return img
	}
	var buffer bytes.Buffer
	err := gif.EncodeAll(&buffer, &gif.GIF{
		Image:  []*image.Paletted{frame(image.Rect(2, 1, 6, 5), 1), frame(image.Rect(0, 0, 8, 8), 2)},
		Delay:  []int{1, 1},
		Config: image.Config{Width: 8, Height: 8, ColorModel: palette},
	})
	if err != nil {
		t.Fatal(err)
	}
	img, err := Decode(buffer.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	white, red := color.NRGBA{255, 255, 255, 255}, color.NRGBA{255, 0, 0, 255}
	if img.Rect != image.Rect(0, 0, 8, 8) || img.NRGBAAt(0, 0) != white || img.NRGBAAt(2, 1) != red || img.NRGBAAt(6, 5) != white {
		t.Errorf("canvas %v with %v, %v, %v", img.Rect, img.NRGBAAt(0, 0), img.NRGBAAt(2, 1), img.NRGBAAt(6, 5))
	}
}

func TestFirstFrameOfAWebPAnimation(t *testing.T) {
	for name, still := range webpFiles(t) {
		want, err := Decode(still)
		if err != nil {
			t.Fatal(err)
		}
		img, err := Decode(animatedWebP(still, 4, 2, 8, 6))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		white := color.NRGBA{255, 255, 255, 255}
		if img.Rect != image.Rect(0, 0, 8, 6) || img.NRGBAAt(4, 2) != want.NRGBAAt(0, 0) || img.NRGBAAt(3, 2) != white || img.NRGBAAt(0, 0) != white {
			t.Errorf("%s: canvas %v with %v and %v", name, img.Rect, img.NRGBAAt(4, 2), img.NRGBAAt(3, 2))
		}
		clear := slices.Concat(still[:12], []byte("ALPH\x02\x00\x00\x00\x00\x00"), still[12:]) // alpha 0, not compressed
		if img, err := Decode(animatedWebP(clear, 4, 2, 8, 6)); name == "lossy" && (err != nil || img.NRGBAAt(4, 2) != white || want.NRGBAAt(0, 0) == white) {
			t.Errorf("a transparent frame: %v", err)
		}
		if _, err := Decode(animatedWebP(still, 8, 2, 8, 6)); err == nil || !strings.Contains(err.Error(), "outside the canvas") {
			t.Errorf("%s: a frame outside the canvas: %v", name, err)
		}
	}
}

func TestOrientation(t *testing.T) {
	const w, h = 5, 3
	stored := gradient(w, h)
	// Where the pixel seen at (x, y) is stored, by the EXIF standard.
	source := map[int]func(x, y int) (int, int){
		0: func(x, y int) (int, int) { return x, y },
		1: func(x, y int) (int, int) { return x, y },
		2: func(x, y int) (int, int) { return w - 1 - x, y },
		3: func(x, y int) (int, int) { return w - 1 - x, h - 1 - y },
		4: func(x, y int) (int, int) { return x, h - 1 - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return y, h - 1 - x },
		7: func(x, y int) (int, int) { return w - 1 - y, h - 1 - x },
		8: func(x, y int) (int, int) { return w - 1 - y, x },
		9: func(x, y int) (int, int) { return x, y },
	}
	for orientation, from := range source {
		width, height := w, h
		if orientation >= 5 && orientation <= 8 {
			width, height = h, w
		}
		want := image.NewNRGBA(image.Rect(0, 0, width, height))
		for y := range height {
			for x := range width {
				want.SetNRGBA(x, y, stored.NRGBAAt(from(x, y)))
			}
		}
		files := map[string][]byte{"PNG": orientedPNG(t, stored, orientation), "TIFF": orientedTIFF(stored, orientation)}
		for format, data := range files {
			got, err := Decode(data)
			if err != nil {
				t.Fatalf("%s of orientation %d: %v", format, orientation, err)
			}
			if difference(got, want) != 0 {
				t.Errorf("%s of orientation %d is not upright: size %v", format, orientation, got.Rect.Size())
			}
		}
		if got := jpegOrientation(orientedJPEG(t, stored, orientation)); got != orientation {
			t.Errorf("JPEG of orientation %d is read as %d", orientation, got)
		}
	}
	if img, err := Decode(orientedJPEG(t, stored, 6)); err != nil || img.Rect != image.Rect(0, 0, h, w) {
		t.Errorf("JPEG of orientation 6: %v", err)
	}
	block := append([]byte("EXIF\x1a\x00\x00\x00"), exif(binary.BigEndian, 8)...)
	if got := webpOrientation(append([]byte("RIFF....WEBP"), block...)); got != 8 {
		t.Errorf("WebP of orientation 8 is read as %d", got)
	}
}

func TestWhatCannotBeDecodedIsADataError(t *testing.T) {
	good := encode(t, "JPEG", gradient(40, 40))
	lossless := webpFiles(t)["lossless"]
	lying := bytes.Clone(lossless)
	binary.LittleEndian.PutUint32(lying[21:], 16383|16383<<14) // the coded size, not any container's
	cases := []struct {
		name string
		data []byte
		says string
	}{
		{"empty", nil, "empty"},
		{"text", []byte("this is no image"), "no JPEG, PNG"},
		{"half a JPEG", good[:len(good)/2], "truncated JPEG"},
		{"header of a JPEG", good[:30], "JPEG"},
		{"magic alone", []byte("\xff\xd8\xff"), "truncated JPEG"},
		{"half a PNG", encode(t, "PNG", gradient(9, 9))[:60], "PNG"},
		{"half a GIF", encode(t, "GIF", gradient(9, 9))[:40], "GIF"},
		{"half a BMP", encode(t, "BMP", gradient(9, 9))[:70], "BMP"},
		{"half a TIFF", encode(t, "TIFF", gradient(9, 9))[:70], "TIFF"},
		{"half a WebP", lossless[:24], "WebP"},
		{"too many pixels", hugePNG(t, 20_000, 20_000), "20000×20000 pixels are more than the limit"},
		{"too many pixels in WebP", lying, "16384×16384 pixels"},
		{"overflowing size", hugePNG(t, 1<<31-1, 1<<31-1), "PNG"},
	}
	for _, c := range cases {
		img, err := Decode(c.data)
		if err == nil || img != nil || fault.Of(err) != fault.Data || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a data error that says %q", c.name, err, c.says)
		}
	}
	if _, err := DecodeLimit(good, 1599); err == nil {
		t.Error("1,600 pixels passed a limit of 1,599")
	}
	if _, err := DecodeLimit(good, 1600); err != nil {
		t.Errorf("1,600 pixels did not pass a limit of 1,600: %v", err)
	}
}

// corpus is every kind of file the tests can make, by name.
func corpus(t testing.TB) [][]byte {
	img := gradient(9, 7)
	files := [][]byte{cmykJPEG(1, 2, 3, 4), badPaletteBMP(t), hugePNG(t, 70_000, 70_000), orientedTIFF(img, 6), orientedPNG(t, img, 5), orientedJPEG(t, img, 7)}
	for _, format := range []string{"JPEG", "PNG", "GIF", "BMP", "TIFF"} {
		files = append(files, encode(t, format, img))
	}
	for _, data := range webpFiles(t) {
		files = append(files, data, animatedWebP(data, 2, 0, 5, 5))
	}
	return files
}

// Each byte of each file is damaged in turn, and each file cut at every length:
// whatever comes of it, no panic, and a picture is whole or absent.
func TestDamageNeverPanics(t *testing.T) {
	const limit = 1 << 16
	check := func(data []byte) {
		img, err := DecodeLimit(data, limit)
		if (img == nil) == (err == nil) {
			t.Fatalf("neither picture nor error for % x", data)
		}
		if err == nil {
			checkPicture(t, img, limit)
		}
	}
	for _, data := range corpus(t) {
		step := max(1, len(data)/150)
		for i := 0; i < len(data); i += step {
			check(data[:i])
			for _, value := range []byte{0, 0xff, data[i] ^ 0x80, data[i] + 1} {
				damaged := slices.Clone(data)
				damaged[i] = value
				check(damaged)
			}
		}
	}
}

func checkPicture(t testing.TB, img *image.NRGBA, limit int) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if img.Rect.Min != (image.Point{}) || w < 1 || h < 1 || w*h > limit || img.Stride != 4*w || len(img.Pix) != 4*w*h {
		t.Fatalf("a picture of %v with stride %d and %d bytes", img.Rect, img.Stride, len(img.Pix))
	}
	for i := 3; i < len(img.Pix); i += 4 {
		if img.Pix[i] != 255 {
			t.Fatalf("pixel %d has alpha %d", i/4, img.Pix[i])
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, data := range corpus(f) {
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 20
		if img, err := DecodeLimit(data, limit); err == nil {
			checkPicture(t, img, limit)
		}
	})
}
