package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"io"

	"github.com/disintegration/imaging"
	"golang.org/x/image/webp"
)

// upright undoes the EXIF orientation (1–8; anything else is none): the value
// says how the stored picture has to be turned to be seen upright.
func upright(img *image.NRGBA, orientation int) *image.NRGBA {
	switch orientation {
	case 2:
		return imaging.FlipH(img)
	case 3:
		return imaging.Rotate180(img)
	case 4:
		return imaging.FlipV(img)
	case 5:
		return imaging.Transpose(img)
	case 6:
		return imaging.Rotate270(img) // counter-clockwise, so a quarter clockwise
	case 7:
		return imaging.Transverse(img)
	case 8:
		return imaging.Rotate90(img)
	}
	return img
}

const orientationTag = 0x0112

func noOrientation([]byte) int { return 1 }

// tiffOrientation reads the orientation from the first directory of a TIFF
// structure, which is also what an EXIF block is. Malformed input has none.
func tiffOrientation(data []byte) int {
	if len(data) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if data[0] == 'I' {
		order = binary.LittleEndian
	}
	start := uint64(order.Uint32(data[4:]))
	if start+2 > uint64(len(data)) {
		return 1
	}
	entries := data[start+2:]
	for range order.Uint16(data[start:]) {
		if len(entries) < 12 {
			return 1
		}
		const short = 3
		if order.Uint16(entries) == orientationTag && order.Uint16(entries[2:]) == short {
			return int(order.Uint16(entries[8:]))
		}
		entries = entries[12:]
	}
	return 1
}

// pngOrientation looks for an eXIf chunk.
func pngOrientation(data []byte) int {
	for data = data[8:]; len(data) >= 12; {
		size := uint64(binary.BigEndian.Uint32(data))
		if size+12 > uint64(len(data)) {
			return 1
		}
		if string(data[4:8]) == "eXIf" {
			return tiffOrientation(data[8 : 8+size])
		}
		data = data[12+size:]
	}
	return 1
}

// webpOrientation looks for an EXIF chunk.
func webpOrientation(data []byte) int {
	block, ok := webpChunk(data, "EXIF")
	if !ok {
		return 1
	}
	return tiffOrientation(bytes.TrimPrefix(block, []byte("Exif\x00\x00")))
}

// webpChunk finds a chunk of the RIFF container by its name.
func webpChunk(data []byte, name string) ([]byte, bool) {
	for data = data[min(12, len(data)):]; len(data) >= 8; {
		size := uint64(binary.LittleEndian.Uint32(data[4:]))
		if size > uint64(len(data)-8) {
			return nil, false
		}
		if string(data[:4]) == name {
			return data[8 : 8+size], true
		}
		data = data[min(8+size+size&1, uint64(len(data))):]
	}
	return nil, false
}

// webpConfig is webp.DecodeConfig with the size of the coded picture where that
// is larger than the canvas the container claims: the decoder allocates the
// former.
func webpConfig(r io.Reader) (image.Config, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return image.Config{}, err
	}
	config, err := webp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return config, err
	}
	if _, animated := webpChunk(data, "ANMF"); animated {
		return config, errors.New("animations are not read")
	}
	if lossy, ok := webpChunk(data, "VP8 "); ok && len(lossy) >= 10 {
		config.Width = max(config.Width, int(binary.LittleEndian.Uint16(lossy[6:]))&0x3fff)
		config.Height = max(config.Height, int(binary.LittleEndian.Uint16(lossy[8:]))&0x3fff)
	}
	if lossless, ok := webpChunk(data, "VP8L"); ok && len(lossless) >= 5 {
		bits := int(binary.LittleEndian.Uint32(lossless[1:]))
		config.Width = max(config.Width, bits&0x3fff+1)
		config.Height = max(config.Height, bits>>14&0x3fff+1)
	}
	return config, nil
}
