package checkpoint

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/nlpodyssey/safetensors"

	"supcon/pkg/fault"
)

// File is a checkpoint in memory.
type File struct {
	Path     string
	Checksum string // "sha256:…", of everything the file says
	Meta     Meta
	Tensors  []Tensor // by type, then by name
}

// Tensor returns the tensor of that name.
func (f *File) Tensor(name string) (Tensor, bool) {
	for _, t := range f.Tensors {
		if t.Name == name {
			return t, true
		}
	}
	return Tensor{}, false
}

// Load reads the checkpoint at path. Every error is a fault.Checkpoint that
// names the file; ErrVersion and fs.ErrNotExist are in the chain where they apply.
func Load(path string) (*File, error) {
	opened, err := open(path)
	if err != nil {
		return nil, err
	}
	defer opened.file.Close()
	tensors, err := opened.read()
	if err != nil {
		return nil, damaged(path, err)
	}
	return &File{path, opened.header.metadata[checksumKey], opened.meta, tensors}, nil
}

// Verify reads all of the file at path against its checksum, in constant memory.
// Its errors are Load's.
func Verify(path string) error {
	opened, err := open(path)
	if err != nil {
		return err
	}
	return opened.file.Close()
}

// verified is an open checkpoint whose bytes agree with its checksum.
type verified struct {
	file   *os.File
	header *header
	meta   Meta
}

func open(path string) (*verified, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Checkpoint.Errorf("checkpoint %q does not exist: give a run directory or one of the files in its %s folder: %w", path, Folder, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fault.Checkpoint.Errorf("checkpoint %q cannot be read: %w", path, err)
	}
	v := &verified{file: f}
	if err := v.verify(); err != nil {
		f.Close()
		return nil, damaged(path, err)
	}
	return v, nil
}

// damaged says which file is wrong and what to do about it.
func damaged(path string, err error) error {
	if errors.Is(err, ErrVersion) {
		return fault.Checkpoint.Errorf("%q is a %w: use the program that wrote it, or a newer one", path, err)
	}
	if errors.Is(err, errForeign) {
		return fault.Checkpoint.Errorf("%q is %w: give a run directory or one of the files in its %s folder", path, err, Folder)
	}
	return fault.Checkpoint.Errorf("checkpoint %q is damaged: %w: use another one of the run, or train again", path, err)
}

var errForeign = errors.New("no checkpoint of this program")

func (v *verified) verify() error {
	stat, err := v.file.Stat()
	if err != nil {
		return err
	}
	if !stat.Mode().IsRegular() {
		return errForeign
	}
	if v.header, err = readHeader(v.file, stat.Size()); err != nil {
		return err
	}
	text, ours := v.header.metadata[metaKey]
	if !ours {
		return errForeign
	}
	if v.header.metadata[formatKey] != format {
		return fmt.Errorf("its format is %.100q, not %q", v.header.metadata[formatKey], format)
	}
	if v.meta, err = unmarshalMeta(text); err != nil {
		return err
	}
	h := sha256.New()
	hashMeta(h, text)
	for _, t := range v.header.tensors {
		hashTensor(h, t.Name, t.TensorInfo.DType, t.TensorInfo.Shape)
	}
	if _, err := io.CopyBuffer(h, v.file, make([]byte, 1<<18)); err != nil {
		return err
	}
	if checksumText(h) != v.header.metadata[checksumKey] {
		return errors.New("its bytes do not agree with its checksum")
	}
	return nil
}

// read returns the tensors in the program's layout.
func (v *verified) read() ([]Tensor, error) {
	if _, err := v.file.Seek(v.header.start, io.SeekStart); err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(v.file, 1<<18)
	tensors := make([]Tensor, len(v.header.tensors))
	var buf []byte
	for i, named := range v.header.tensors {
		t, err := allocate(named)
		if err != nil {
			return nil, err
		}
		n := int(named.TensorInfo.DataOffsets[1] - named.TensorInfo.DataOffsets[0])
		if n > len(buf) {
			buf = make([]byte, n)
		}
		if _, err := io.ReadFull(r, buf[:n]); err != nil {
			return nil, err
		}
		t.decode(buf[:n])
		tensors[i] = t
	}
	return tensors, nil
}

func allocate(named safetensors.NamedTensorInfo) (Tensor, error) {
	info := named.TensorInfo
	disk, n := make([]int, len(info.Shape)), 1
	for i, d := range info.Shape {
		disk[i] = int(d)
		n *= int(d)
	}
	t := Tensor{Name: named.Name, Shape: memoryShape(disk)}
	switch info.DType {
	case safetensors.F32:
		t.Data = make([]float32, n)
	case safetensors.I64:
		t.Ints = make([]int64, n)
	default:
		return t, fmt.Errorf("tensor %.100q has values of type %v, not F32 or I64", named.Name, info.DType)
	}
	if !storable(t.Shape, t.Ints != nil) {
		return t, fmt.Errorf("tensor %.100q has the unknown shape %v", named.Name, disk)
	}
	return t, nil
}
