package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/draw"
	"io"

	"golang.org/x/image/webp"
)

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
// former. Of an animation the first frame counts.
func webpConfig(r io.Reader) (image.Config, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return image.Config{}, err
	}
	config, err := webp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return config, err
	}
	if frame, ok := webpChunk(data, "ANMF"); ok {
		data = still(frame)
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

// decodeWebP is webp.Decode, and of an animation, which that does not read, the
// first frame in its place on the canvas.
func decodeWebP(data []byte) (image.Image, error) {
	frame, animated := webpChunk(data, "ANMF")
	if !animated {
		return webp.Decode(bytes.NewReader(data))
	}
	config, err := webp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if len(frame) < frameHeader {
		return nil, errors.New("a frame without header")
	}
	img, err := webp.Decode(bytes.NewReader(still(frame)))
	if err != nil {
		return nil, err
	}
	at := image.Pt(2*uint24(frame), 2*uint24(frame[3:]))
	canvas := image.NewNRGBA(image.Rect(0, 0, config.Width, config.Height))
	if !img.Bounds().Add(at).In(canvas.Rect) {
		return nil, errors.New("a frame outside the canvas")
	}
	draw.Draw(canvas, img.Bounds().Add(at), img, img.Bounds().Min, draw.Src)
	return canvas, nil
}

// frameHeader is what an animation's frame has before its chunks: place, size,
// duration and flags.
const frameHeader = 16

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// still makes a file of its own of an animation's frame.
func still(frame []byte) []byte {
	if len(frame) < frameHeader {
		return nil
	}
	const head = "RIFF\x00\x00\x00\x00WEBP"
	data := []byte(head)
	if _, alpha := webpChunk(append([]byte(head), frame[frameHeader:]...), "ALPH"); alpha {
		data = append(data, "VP8X\x0a\x00\x00\x00\x10\x00\x00\x00"...)
		data = append(data, frame[6:12]...) // width and height less one, as VP8X has them
	}
	data = append(data, frame[frameHeader:]...)
	binary.LittleEndian.PutUint32(data[4:], uint32(len(data)-8))
	return data
}
