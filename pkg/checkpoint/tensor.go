package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/nlpodyssey/safetensors"
)

// Tensor is one named array in the program's layout: filters (R, S, C, K),
// linear layers (in, out), vectors and scalars as they are.
// Exactly one of Data and Ints is set; Ints is for counters such as batch norm's
// num_batches_tracked and goes to disk as int64, like PyTorch's.
type Tensor struct {
	Name  string
	Shape []int // nil or empty for a scalar
	Data  []float32
	Ints  []int64
}

// Counter returns the int64 scalar name.
func Counter(name string, value int64) Tensor {
	return Tensor{Name: name, Ints: []int64{value}}
}

func (t *Tensor) dtype() safetensors.DType {
	if t.Ints != nil {
		return safetensors.I64
	}
	return safetensors.F32
}

func (t *Tensor) len() int { return len(t.Data) + len(t.Ints) }

// check tells a broken tensor before it is written.
func (t *Tensor) check() error {
	if t.Name == "" || t.Name == metadataKey {
		return fmt.Errorf("tensor cannot be named %q", t.Name)
	}
	if t.Data != nil && t.Ints != nil {
		return fmt.Errorf("tensor %q has both float32 and int64 values", t.Name)
	}
	if !storable(t.Shape, t.Ints != nil) {
		return fmt.Errorf("tensor %q of shape %v is neither a scalar, a vector, a matrix nor a bank of filters", t.Name, t.Shape)
	}
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	if n != t.len() {
		return fmt.Errorf("tensor %q of shape %v has %d values", t.Name, t.Shape, t.len())
	}
	return nil
}

// storable tells whether the layout rule knows the shape. Counters are never
// matrices, so nothing needs to transpose int64; nothing is empty.
func storable(shape []int, ints bool) bool {
	for _, d := range shape {
		if d < 1 {
			return false
		}
	}
	switch len(shape) {
	case 0, 1:
		return true
	case 2, 4:
		return !ints
	}
	return false
}

// DiskShape turns a shape of the program's layout into PyTorch's:
// (R, S, C, K) → (K, C, R, S), (in, out) → (out, in), others as they are.
func DiskShape(shape []int) []int {
	switch len(shape) {
	case 2:
		return []int{shape[1], shape[0]}
	case 4:
		return []int{shape[3], shape[2], shape[0], shape[1]}
	}
	return slices.Clone(shape)
}

// memoryShape is the inverse of DiskShape.
func memoryShape(shape []int) []int {
	switch len(shape) {
	case 2:
		return []int{shape[1], shape[0]}
	case 4:
		return []int{shape[2], shape[3], shape[1], shape[0]}
	}
	return slices.Clone(shape)
}

// axes sees a shape of the program's layout as (P, C, K), P = R·S, which on disk
// is (K, C, P): for filters and matrices alike the transposition is a reversal.
func axes(shape []int) (p, c, k int) {
	switch len(shape) {
	case 2:
		return 1, shape[0], shape[1]
	case 4:
		return shape[0] * shape[1], shape[2], shape[3]
	}
	k = 1
	for _, d := range shape {
		k *= d
	}
	return 1, 1, k
}

// encode writes the tensor's bytes in disk order, little-endian, into buf.
func (t *Tensor) encode(buf []byte) {
	if t.Ints != nil {
		for i, v := range t.Ints {
			binary.LittleEndian.PutUint64(buf[8*i:], uint64(v))
		}
		return
	}
	p, c, k := axes(t.Shape)
	for row := range p * c {
		at, stride := 4*(row%c*p+row/c), 4*c*p
		for _, v := range t.Data[row*k : (row+1)*k] {
			binary.LittleEndian.PutUint32(buf[at:], math.Float32bits(v))
			at += stride
		}
	}
}

// decode is the inverse of encode; Data or Ints has its final length.
func (t *Tensor) decode(buf []byte) {
	if t.Ints != nil {
		for i := range t.Ints {
			t.Ints[i] = int64(binary.LittleEndian.Uint64(buf[8*i:]))
		}
		return
	}
	p, c, k := axes(t.Shape)
	for row := range p * c {
		at, stride := 4*(row%c*p+row/c), 4*c*p
		values := t.Data[row*k : (row+1)*k]
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(buf[at:]))
			at += stride
		}
	}
}
