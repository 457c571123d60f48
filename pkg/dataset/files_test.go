package dataset

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// The makers of image files that the tests decode: good, odd and broken ones.

// gradient is a picture whose pixels are all different.
func gradient(width, height int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetNRGBA(x, y, color.NRGBA{uint8(7 * x), uint8(11 * y), uint8(50 + x + y), 255})
		}
	}
	return img
}

func encode(t testing.TB, format string, img image.Image) []byte {
	t.Helper()
	var buffer bytes.Buffer
	var err error
	switch format {
	case "JPEG":
		err = jpeg.Encode(&buffer, img, &jpeg.Options{Quality: 100})
	case "PNG":
		err = png.Encode(&buffer, img)
	case "GIF":
		err = gif.Encode(&buffer, img, nil)
	case "BMP":
		err = bmp.Encode(&buffer, img)
	case "TIFF":
		err = tiff.Encode(&buffer, img, nil)
	default:
		t.Fatalf("no encoder for %s", format)
	}
	if err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// pngChunk is a chunk with its length and checksum.
func pngChunk(name string, content []byte) []byte {
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	chunk = append(append(chunk, name...), content...)
	return binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
}

// insert puts a piece into data at a position.
func insert(data []byte, at int, piece []byte) []byte {
	return append(append(append([]byte{}, data[:at]...), piece...), data[at:]...)
}

// afterIHDR is where the first PNG chunk after the header begins.
const afterIHDR = 8 + 12 + 13

// exif is an EXIF block: a TIFF structure with nothing but the orientation.
func exif(order binary.AppendByteOrder, orientation int) []byte {
	block := []byte("II*\x00")
	if order.String() == "BigEndian" {
		block = []byte("MM\x00*")
	}
	block = order.AppendUint32(block, 8)
	block = order.AppendUint16(block, 1)
	block = order.AppendUint16(block, orientationTag)
	block = order.AppendUint16(block, 3)
	block = order.AppendUint32(block, 1)
	block = order.AppendUint16(block, uint16(orientation))
	return append(block, make([]byte, 2+4)...)
}

func orientedPNG(t testing.TB, img image.Image, orientation int) []byte {
	return insert(encode(t, "PNG", img), afterIHDR, pngChunk("eXIf", exif(binary.BigEndian, orientation)))
}

func orientedJPEG(t testing.TB, img image.Image, orientation int) []byte {
	block := append([]byte("Exif\x00\x00"), exif(binary.LittleEndian, orientation)...)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(block)+2))
	return insert(encode(t, "JPEG", img), 2, append(segment, block...))
}

// orientedTIFF is an uncompressed RGB TIFF with the orientation in its own directory.
func orientedTIFF(img *image.NRGBA, orientation int) []byte {
	order := binary.LittleEndian
	width, height := img.Rect.Dx(), img.Rect.Dy()
	fields := [][3]uint32{ // tag, type, value
		{256, 4, uint32(width)}, {257, 4, uint32(height)}, {258, 3, 8}, {259, 3, 1}, {262, 3, 2}, {273, 4, 0},
		{274, 3, uint32(orientation)}, {277, 3, 3}, {278, 4, uint32(height)}, {279, 4, uint32(3 * width * height)},
	}
	pixels := 8 + 2 + 12*len(fields) + 4 + 6
	data := order.AppendUint32([]byte("II*\x00"), 8)
	data = order.AppendUint16(data, uint16(len(fields)))
	for _, f := range fields {
		count := uint32(1)
		switch f[0] {
		case 258: // three depths do not fit: they lie before the pixels
			count, f[2] = 3, uint32(pixels-6)
		case 273:
			f[2] = uint32(pixels)
		}
		data = order.AppendUint16(order.AppendUint16(data, uint16(f[0])), uint16(f[1]))
		data = order.AppendUint32(order.AppendUint32(data, count), f[2])
	}
	data = append(order.AppendUint32(data, 0), 8, 0, 8, 0, 8, 0)
	for i, v := range img.Pix {
		if i%4 != 3 {
			data = append(data, v)
		}
	}
	return data
}

// cmykJPEG is an 8×8 baseline JPEG of one flat colour in four components, as
// Adobe's programs write them: inks inverted. Only DC coefficients are coded.
func cmykJPEG(c, m, y, k uint8) []byte {
	data := []byte{0xff, 0xd8}
	segment := func(marker byte, content ...byte) {
		data = binary.BigEndian.AppendUint16(append(data, 0xff, marker), uint16(len(content)+2))
		data = append(data, content...)
	}
	segment(0xee, append([]byte("Adobe"), 0, 100, 0, 0, 0, 0, 0)...)
	ones := bytes.Repeat([]byte{1}, 64)
	segment(0xdb, append([]byte{0}, ones...)...)
	segment(0xc0, 8, 0, 8, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0)
	dc := append([]byte{0x00, 0, 0, 0, 12}, make([]byte, 12)...) // twelve codes of four bits
	segment(0xc4, append(dc, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)...)
	ac := append([]byte{0x10, 1}, make([]byte, 15)...) // one code of one bit: end of block
	segment(0xc4, append(ac, 0)...)
	segment(0xda, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0)
	bits, length := uint64(0), 0
	write := func(value uint64, n int) { bits, length = bits<<n|value, length+n }
	flush := func() {
		for ; length >= 8; length -= 8 {
			b := byte(bits >> (length - 8))
			if data = append(data, b); b == 0xff {
				data = append(data, 0)
			}
		}
	}
	for _, ink := range []uint8{c, m, y, k} {
		value := 8 * (int(255-ink) - 128)
		size := 0
		for v := max(value, -value); v > 0; v >>= 1 {
			size++
		}
		if value < 0 {
			value += 1<<size - 1
		}
		write(uint64(size), 4)
		write(uint64(value), size)
		write(0, 1)
		flush()
	}
	write(0x7f, 7)
	flush()
	return append(data, 0xff, 0xd9)
}

// Two pictures of one pixel, lossy and lossless; there is no encoder to make them.
func webpFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for name, text := range map[string]string{
		"lossy":    "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA",
		"lossless": "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==",
	} {
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	return files
}

// hugePNG claims width×height pixels in a header that is otherwise right.
func hugePNG(t testing.TB, width, height uint32) []byte {
	data := encode(t, "PNG", gradient(2, 2))
	header := bytes.Clone(data[16 : afterIHDR-4])
	binary.BigEndian.PutUint32(header, width)
	binary.BigEndian.PutUint32(header[4:], height)
	return append(append(bytes.Clone(data[:8]), pngChunk("IHDR", header)...), data[afterIHDR:]...)
}

// badPaletteBMP has a palette of two colours and pixels of index 200.
func badPaletteBMP(t testing.TB) []byte {
	img := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.Black, color.White})
	data := encode(t, "BMP", img)
	for i := range 64 {
		data[len(data)-1-i] = 200
	}
	return data
}

// animatedWebP shows a file of one pixel at (x, y) of a canvas, twice.
func animatedWebP(still []byte, x, y, width, height int) []byte {
	le24 := func(v int) []byte { return []byte{byte(v), byte(v >> 8), byte(v >> 16)} }
	chunk := func(name string, content []byte) []byte {
		data := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(content)))
		data = append(data, content...)
		return append(data, make([]byte, len(content)%2)...)
	}
	data := []byte("RIFF....WEBP")
	data = append(data, chunk("VP8X", slices.Concat([]byte{2, 0, 0, 0}, le24(width-1), le24(height-1)))...)
	data = append(data, chunk("ANIM", make([]byte, 6))...)
	frame := slices.Concat(le24(x/2), le24(y/2), le24(0), le24(0), le24(40), []byte{0}, still[12:])
	data = append(data, chunk("ANMF", frame)...)
	data = append(data, chunk("ANMF", frame)...)
	binary.LittleEndian.PutUint32(data[4:], uint32(len(data)-8))
	return data
}
