package dataset

import (
	"encoding/binary"
	"image"

	"github.com/disintegration/imaging"
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
