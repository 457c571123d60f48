package dataset

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"supcon/pkg/fault"
)

// MaxPixels is the size above which Decode refuses a picture, by its header,
// before any memory is taken for it.
const MaxPixels = 100_000_000

// format is an image format Decode reads, found by its first bytes: file names
// lie.
type format struct {
	name   string
	config func(io.Reader) (image.Config, error)
	decode func(data []byte) (image.Image, error)
	// orientation finds the EXIF orientation in the file, 1 where there is none.
	orientation func(data []byte) int
}

var formats = []format{
	{"JPEG", jpeg.DecodeConfig, decodeJPEG, jpegOrientation},
	{"PNG", png.DecodeConfig, reading(png.Decode), pngOrientation},
	{"GIF", gif.DecodeConfig, reading(gif.Decode), noOrientation},
	{"BMP", bmp.DecodeConfig, reading(bmp.Decode), noOrientation},
	{"TIFF", tiff.DecodeConfig, reading(tiff.Decode), tiffOrientation},
	{"WebP", webpConfig, decodeWebP, webpOrientation},
}

func reading(decode func(io.Reader) (image.Image, error)) func([]byte) (image.Image, error) {
	return func(data []byte) (image.Image, error) { return decode(bytes.NewReader(data)) }
}

// sniff names the format that data begins like, "" for none.
func sniff(data []byte) string {
	starts := func(magic string) bool { return bytes.HasPrefix(data, []byte(magic)) }
	switch {
	case starts("\xff\xd8\xff"):
		return "JPEG"
	case starts("\x89PNG\r\n\x1a\n"):
		return "PNG"
	case starts("GIF87a"), starts("GIF89a"):
		return "GIF"
	case starts("BM"):
		return "BMP"
	case starts("II*\x00"), starts("MM\x00*"):
		return "TIFF"
	case starts("RIFF") && len(data) >= 12 && string(data[8:12]) == "WEBP":
		return "WebP"
	}
	return ""
}

// Decode turns the bytes of a JPEG, PNG, GIF (first frame), BMP, TIFF or WebP
// file into upright, opaque pixels: the EXIF orientation is applied, grey,
// palette, 16-bit and CMYK pictures become 8-bit RGB, and transparency is laid
// over white. The result begins at (0, 0). What cannot be decoded, or would
// have more than MaxPixels pixels, is a data error; no input makes it panic.
func Decode(data []byte) (*image.NRGBA, error) {
	img, err := DecodeLimit(data, MaxPixels)
	if err != nil {
		return nil, fault.Data.Errorf("dataset: decode: %w", err)
	}
	return img, nil
}

// Decode reads and decodes item i; its errors name the item. A picture of more
// than s.MaxPixels pixels is refused.
func (s *Set) Decode(i int) (*image.NRGBA, error) {
	data, err := s.Read(i)
	if err != nil {
		return nil, err
	}
	img, err := s.decode(data)
	if err != nil {
		return nil, fault.Data.Errorf("dataset: decode %q: %w", s.Items[i].Path, err)
	}
	return img, nil
}

func (s *Set) decode(data []byte) (*image.NRGBA, error) {
	return DecodeLimit(data, cmp.Or(s.MaxPixels, MaxPixels))
}

// DecodeLimit is Decode with a limit of the caller's on the number of pixels,
// and an error that carries no kind or prefix.
func DecodeLimit(data []byte, maxPixels int) (img *image.NRGBA, err error) {
	f, config, err := header(data)
	if err != nil {
		return nil, err
	}
	if pixels := int64(config.Width) * int64(config.Height); pixels > int64(maxPixels) {
		return nil, fmt.Errorf("%d×%d pixels are more than the limit of %d", config.Width, config.Height, maxPixels)
	}
	defer func() {
		if r := recover(); r != nil {
			img, err = nil, fmt.Errorf("damaged %s: %v", f.name, r)
		}
	}()
	decoded, err := f.decode(data)
	if err != nil {
		return nil, explain(f.name, err)
	}
	canvas := decoded.Bounds()
	if f.name == "GIF" { // its first frame may cover a part of the picture only
		canvas = image.Rect(0, 0, config.Width, config.Height)
	}
	if canvas.Empty() {
		return nil, fmt.Errorf("%s without pixels", f.name)
	}
	return upright(opaque(decoded, canvas), f.orientation(data)), nil
}

// header reads the format and the size of a picture, not its pixels.
func header(data []byte) (f format, config image.Config, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("damaged header: %v", r)
		}
	}()
	if len(data) == 0 {
		return f, config, errors.New("the file is empty")
	}
	name := sniff(data)
	for _, candidate := range formats {
		if candidate.name == name {
			if config, err = candidate.config(bytes.NewReader(data)); err != nil {
				return f, config, explain(name, err)
			}
			if config.Width <= 0 || config.Height <= 0 {
				return f, config, fmt.Errorf("%s without pixels", name)
			}
			return candidate, config, nil
		}
	}
	return f, config, errors.New("no JPEG, PNG, GIF, BMP, TIFF or WebP")
}

// explain says "truncated" where decoders say that data is missing.
func explain(name string, err error) error {
	missing := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	for _, words := range []string{"short Huffman data", "not enough pixel data"} {
		missing = missing || strings.Contains(err.Error(), words)
	}
	if missing {
		return fmt.Errorf("truncated %s: %w", name, err)
	}
	return fmt.Errorf("damaged or unsupported %s: %w", name, err)
}

// opaque lays the canvas part of a picture over white. Premultiplied and plain
// RGBA are the same bytes where alpha is full, so the standard library's fast
// drawing into RGBA yields the NRGBA that imaging works on. Palette indexes out
// of range panic here, in our own goroutine.
func opaque(src image.Image, canvas image.Rectangle) *image.NRGBA {
	if done, ok := src.(*image.RGBA); ok && done.Rect == canvas && canvas.Min == (image.Point{}) && done.Stride == 4*canvas.Dx() && done.Opaque() {
		return &image.NRGBA{Pix: done.Pix, Stride: done.Stride, Rect: done.Rect}
	}
	dst := image.NewRGBA(image.Rect(0, 0, canvas.Dx(), canvas.Dy()))
	op := draw.Src
	if o, ok := src.(interface{ Opaque() bool }); !ok || src.Bounds() != canvas || !o.Opaque() {
		op = draw.Over
		for i := range dst.Pix {
			dst.Pix[i] = 0xff
		}
	}
	draw.Draw(dst, src.Bounds().Sub(canvas.Min), src, src.Bounds().Min, op)
	return &image.NRGBA{Pix: dst.Pix, Stride: dst.Stride, Rect: dst.Rect}
}
