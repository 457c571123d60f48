package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"

	"github.com/nlpodyssey/safetensors"
)

// maxHeader bounds the memory that a header can cost. A ResNet-50 with its
// optimiser state needs 60 KiB; the rest is room for class names.
const maxHeader = 16 << 20

// maxRank bounds a shape; the layout rule knows ranks up to 4.
const maxRank = 8

// header is the table at the start of a safetensors file, checked against the
// file's size: the tensors lie one after the other from the first byte after the
// header to the last byte of the file.
type header struct {
	metadata map[string]string
	tensors  []safetensors.NamedTensorInfo // in the order of their bytes
	start    int64                         // file offset of the first tensor's first byte
	size     int64                         // of the file
}

// readHeader reads and checks the header of a file of size bytes. The
// safetensors library reads a file only whole, keeps the last of two equal names
// and has no bound below 100 MB, so that the table is read here, with its types.
func readHeader(r io.Reader, size int64) (*header, error) {
	var length [8]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, fmt.Errorf("it is too short to be a safetensors file (%d bytes)", size)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || int64(n) > size-8 {
		return nil, fmt.Errorf("its header claims %d bytes, the file has %d and at most %d are allowed", n, size, maxHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	h := &header{start: 8 + int64(n), size: size}
	if err := h.parse(text); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return h, h.checkOffsets()
}

func (h *header) parse(text []byte) error {
	if len(text) == 0 || text[0] != '{' {
		return errors.New("it is not a JSON object")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	err := object(dec, func(name string) error {
		if name == metadataKey {
			return h.parseMetadata(dec)
		}
		info, err := parseInfo(dec)
		if err != nil {
			return fmt.Errorf("tensor %.100q: %w", name, err)
		}
		h.tensors = append(h.tensors, safetensors.NamedTensorInfo{Name: name, TensorInfo: info})
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows the JSON object")
	}
	slices.SortFunc(h.tensors, func(a, b safetensors.NamedTensorInfo) int {
		x, y := a.TensorInfo.DataOffsets, b.TensorInfo.DataOffsets
		return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1]), cmp.Compare(a.Name, b.Name))
	})
	return nil
}

func (h *header) parseMetadata(dec *json.Decoder) error {
	h.metadata = map[string]string{}
	return object(dec, func(key string) error {
		token, err := dec.Token()
		value, ok := token.(string)
		if err != nil || !ok {
			return fmt.Errorf("metadata %.100q is not a string", key)
		}
		h.metadata[key] = value
		return nil
	})
}

// checkOffsets holds every tensor's bytes against its shape and the file's size:
// no gap, no overlap, no byte outside.
func (h *header) checkOffsets() error {
	end := uint64(0)
	for _, t := range h.tensors {
		info := t.TensorInfo
		bytes, ok := info.DType.Size(), true
		for _, d := range info.Shape {
			high, low := bits.Mul64(bytes, d)
			bytes, ok = low, ok && high == 0
		}
		if !ok || info.DataOffsets[0] != end || info.DataOffsets[1] < end || info.DataOffsets[1]-end != bytes {
			return fmt.Errorf("header: tensor %.100q: bytes %d to %d do not fit %v %v after byte %d",
				t.Name, info.DataOffsets[0], info.DataOffsets[1], info.DType, info.Shape, end)
		}
		end = info.DataOffsets[1]
	}
	if end != uint64(h.size-h.start) {
		return fmt.Errorf("its tensors take %d bytes and the file holds %d of them", end, h.size-h.start)
	}
	return nil
}
