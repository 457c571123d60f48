package checkpoint

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/nlpodyssey/safetensors"

	"supcon/pkg/internal/atomicfile"
)

// Save writes the state to path, whole or not at all. The order of tensors does
// not matter to the bytes. Beyond the tensors it needs the memory of the largest.
func Save(path string, m Meta, tensors []Tensor) error {
	meta, err := m.marshal()
	if err != nil {
		return fmt.Errorf("checkpoint: save %q: %w", path, err)
	}
	views, err := viewAll(tensors)
	if err != nil {
		return fmt.Errorf("checkpoint: save %q: %w", path, err)
	}
	info := map[string]string{formatKey: format, metaKey: meta, checksumKey: checksum(meta, views)}
	byName := make(map[string]*view, len(views))
	for _, v := range views {
		byName[v.tensor.Name] = v
	}
	err = atomicfile.WriteFile(path, func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 1<<20)
		if err := safetensors.SerializeToWriter(byName, info, buffered); err != nil {
			return err
		}
		return buffered.Flush()
	})
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// view shows a tensor to the safetensors library. All views share one buffer:
// the library asks for the bytes of one tensor after the other.
type view struct {
	tensor *Tensor
	shape  []uint64
	buf    []byte
}

func (v *view) DType() safetensors.DType { return v.tensor.dtype() }
func (v *view) Shape() []uint64          { return v.shape }
func (v *view) DataLen() uint64          { return uint64(len(v.buf)) }
func (v *view) Data() []byte {
	v.tensor.encode(v.buf)
	return v.buf
}

// viewAll checks the tensors and returns their views in the order in which
// safetensors files hold them: wide types first, then by name.
func viewAll(tensors []Tensor) ([]*view, error) {
	largest := 0
	for i := range tensors {
		if err := tensors[i].check(); err != nil {
			return nil, err
		}
		largest = max(largest, tensors[i].len()*int(tensors[i].dtype().Size()))
	}
	buf := make([]byte, largest)
	views := make([]*view, len(tensors))
	for i := range tensors {
		t := &tensors[i]
		shape := make([]uint64, len(t.Shape))
		for j, d := range DiskShape(t.Shape) {
			shape[j] = uint64(d)
		}
		views[i] = &view{t, shape, buf[:t.len()*int(t.dtype().Size())]}
	}
	slices.SortFunc(views, func(a, b *view) int {
		return cmp.Or(cmp.Compare(b.DType(), a.DType()), cmp.Compare(a.tensor.Name, b.tensor.Name))
	})
	for i := 1; i < len(views); i++ {
		if views[i].tensor.Name == views[i-1].tensor.Name {
			return nil, fmt.Errorf("two tensors are named %q", views[i].tensor.Name)
		}
	}
	return views, nil
}

func checksum(meta string, views []*view) string {
	h := sha256.New()
	hashMeta(h, meta)
	for _, v := range views {
		hashTensor(h, v.tensor.Name, v.DType(), v.shape)
	}
	for _, v := range views {
		h.Write(v.Data())
	}
	return checksumText(h)
}

// The digest covers Meta, then each tensor's name, type and shape, then the
// tensors' bytes.
func hashMeta(h hash.Hash, meta string) { fmt.Fprintf(h, "%s\n", meta) }

func hashTensor(h hash.Hash, name string, dtype safetensors.DType, shape []uint64) {
	fmt.Fprintf(h, "%q %v %v\n", name, dtype, shape)
}

func checksumText(h hash.Hash) string { return "sha256:" + hex.EncodeToString(h.Sum(nil)) }
