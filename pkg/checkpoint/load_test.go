package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/nlpodyssey/safetensors"

	"supcon/pkg/fault"
)

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// withHeader makes a safetensors file of a header and n bytes of values.
func withHeader(header string, n int) []byte {
	data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(data, header...), make([]byte, n)...)
}

// hostile files, by what is wrong with them.
func hostile() map[string][]byte {
	tensor := func(dtype, shape, offsets string) string {
		return fmt.Sprintf(`{"dtype":%q,"shape":%s,"data_offsets":%s}`, dtype, shape, offsets)
	}
	one, next := tensor("F32", "[1]", "[0,4]"), tensor("F32", "[1]", "[4,8]")
	bomb := binary.LittleEndian.AppendUint64(nil, 1<<62)
	return map[string][]byte{
		"empty":               {},
		"short":               {1, 2, 3},
		"length bomb":         append(bomb, "{}"...),
		"length near 100 MB":  binary.LittleEndian.AppendUint64(nil, 99_000_000),
		"length past the end": append(binary.LittleEndian.AppendUint64(nil, 100), "{}"...),
		"no JSON":             withHeader(`hello`, 0),
		"an array":            withHeader(`[]`, 0),
		"cut JSON":            withHeader(`{"a":{"dtype":"F32"`, 0),
		"trailing JSON":       withHeader(`{}{}`, 0),
		"space first":         withHeader(` {}`, 0),
		"a name twice":        withHeader(`{"a":`+one+`,"a":`+next+`}`, 8),
		"a name twice, \\u":   withHeader(`{"a":`+one+`,"\u0061":`+next+`}`, 8),
		"a key twice":         withHeader(`{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}`, 4),
		"a key missing":       withHeader(`{"a":{"dtype":"F32","shape":[1]}}`, 4),
		"a key too many":      withHeader(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, 4),
		"overlap":             withHeader(`{"a":`+one+`,"b":`+tensor("F32", "[1]", "[2,6]")+`}`, 6),
		"same bytes":          withHeader(`{"a":`+one+`,"b":`+one+`}`, 4),
		"gap":                 withHeader(`{"a":`+one+`,"b":`+tensor("F32", "[1]", "[8,12]")+`}`, 12),
		"out of range":        withHeader(`{"a":`+tensor("F32", "[1000000000000]", "[0,4000000000000]")+`}`, 4),
		"bytes left over":     withHeader(`{"a":`+one+`}`, 8),
		"offsets reversed":    withHeader(`{"a":`+tensor("F32", "[1]", "[4,0]")+`}`, 4),
		"shape overflows":     withHeader(`{"a":`+tensor("F32", "[4294967296,4294967296]", "[0,0]")+`}`, 0),
		"negative":            withHeader(`{"a":`+tensor("F32", "[-1]", "[0,4]")+`}`, 4),
		"fraction":            withHeader(`{"a":`+tensor("F32", "[1.0]", "[0,4]")+`}`, 4),
		"past int64":          withHeader(`{"a":`+tensor("F32", "[1]", "[0,18446744073709551615]")+`}`, 4),
		"three offsets":       withHeader(`{"a":`+tensor("F32", "[1]", "[0,4,4]")+`}`, 4),
		"one offset":          withHeader(`{"a":`+tensor("F32", "[1]", "[0]")+`}`, 4),
		"rank 9":              withHeader(`{"a":`+tensor("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]")+`}`, 4),
		"unknown dtype":       withHeader(`{"a":`+tensor("F33", "[1]", "[0,4]")+`}`, 4),
		"dtype of a number":   withHeader(`{"a":{"dtype":3,"shape":[1],"data_offsets":[0,4]}}`, 4),
		"size by dtype":       withHeader(`{"a":`+tensor("F64", "[1]", "[0,4]")+`}`, 4),
		"metadata of numbers": withHeader(`{"__metadata__":{"supcon":1}}`, 0),
		"metadata twice":      withHeader(`{"__metadata__":{},"__metadata__":{}}`, 0),
		"nested":              withHeader(strings.Repeat(`{"a":`, 100_000), 0),
	}
}

// unfit files have a flawless header and are no checkpoints all the same.
func unfit() map[string][]byte {
	return map[string][]byte{
		"metadata not JSON": withHeader(`{"__metadata__":{"format":"pt","supcon":"hello"}}`, 0),
		"version 0":         withHeader(`{"__metadata__":{"format":"pt","supcon":"{}"}}`, 0),
		"no checksum":       withHeader(`{"__metadata__":{"format":"pt","supcon":"{\"version\":1}"}}`, 0),
		"zero times huge":   withHeader(`{"a":{"dtype":"F32","shape":[0,9000000000000000000],"data_offsets":[0,0]}}`, 0),
		"no metadata":       withHeader(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4),
	}
}

func TestHostileHeaders(t *testing.T) {
	const limit = 64 << 20
	files := hostile()
	for name, data := range files {
		if _, err := readHeader(bytes.NewReader(data), int64(len(data))); err == nil {
			t.Errorf("%s: the header was accepted", name)
		}
	}
	for name, data := range unfit() {
		if _, err := readHeader(bytes.NewReader(data), int64(len(data))); err != nil {
			t.Errorf("%s: the header was refused: %v", name, err)
		}
		files[name] = data
	}
	for name, data := range files {
		path := filepath.Join(t.TempDir(), "c")
		write(t, path, data)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := Load(path)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: loaded as %+v", name, f.Meta)
			continue
		}
		if fault.Of(err) != fault.Checkpoint || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q must be one sentence, a checkpoint error, and name the file", name, err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > limit {
			t.Errorf("%s: %d bytes allocated, allowed %d", name, got, limit)
		}
	}
}

// A checksum that fits does not make another type or rank readable.
func TestUnreadableTypesAndShapes(t *testing.T) {
	for _, info := range []safetensors.TensorInfo{
		{DType: safetensors.F64, Shape: []uint64{1}, DataOffsets: [2]uint64{0, 8}},
		{DType: safetensors.F32, Shape: []uint64{2, 1, 1}, DataOffsets: [2]uint64{0, 8}},
		{DType: safetensors.I64, Shape: []uint64{1, 1}, DataOffsets: [2]uint64{0, 8}},
	} {
		meta, err := exampleMeta(1).marshal()
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		hashMeta(h, meta)
		hashTensor(h, "a", info.DType, info.Shape)
		h.Write(make([]byte, 8))
		header, err := json.Marshal(map[string]any{metadataKey: map[string]string{formatKey: format, metaKey: meta, checksumKey: checksumText(h)}, "a": info})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "c")
		write(t, path, withHeader(string(header), 8))
		if err := Verify(path); err != nil {
			t.Fatalf("%v: the test's own file does not verify: %v", info, err)
		}
		if _, err := Load(path); fault.Of(err) != fault.Checkpoint || !strings.Contains(err.Error(), `"a"`) {
			t.Errorf("%v: error %v, want a checkpoint error that names the tensor", info, err)
		}
	}
}

func TestEveryFlippedByteIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	data := save(t, path, exampleMeta(1), exampleTensors())
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		write(t, path, changed)
		if err := Verify(path); fault.Of(err) != fault.Checkpoint {
			t.Fatalf("byte %d of %d changed from %q to %q: %v", i, len(data), data[i], changed[i], err)
		}
	}
}

func TestTruncatedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	data := save(t, path, exampleMeta(1), exampleTensors())
	for _, n := range []int{0, 4, 8, 100, len(data) / 2, len(data) - 1} {
		write(t, path, data[:n])
		if err := Verify(path); fault.Of(err) != fault.Checkpoint || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%d of %d bytes: error %v", n, len(data), err)
		}
	}
	write(t, path, append(data, 0))
	if err := Verify(path); err == nil {
		t.Error("a byte too many is not noticed")
	}
}

func TestLoadTellsWhy(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c")
	data := save(t, path, exampleMeta(1), exampleTensors())

	if _, err := Load(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) || fault.Of(err) != fault.Checkpoint {
		t.Errorf("missing: %v", err)
	}
	if _, err := Load(dir); fault.Of(err) != fault.Checkpoint {
		t.Errorf("a directory: %v", err)
	}
	newer := bytes.Replace(data, []byte(`\"version\":1`), []byte(`\"version\":9`), 1)
	write(t, path, newer)
	_, err := Load(path)
	if !errors.Is(err, ErrVersion) || fault.Of(err) != fault.Checkpoint || !strings.Contains(err.Error(), "form 9") {
		t.Errorf("newer version: %v", err)
	}
	write(t, path, withHeader(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4))
	if _, err := Load(path); err == nil || strings.Contains(err.Error(), "damaged") {
		t.Errorf("weights of another program: %v, must not be called damaged", err)
	}
}

func TestMatch(t *testing.T) {
	f := &File{Path: "c", Tensors: exampleTensors()}
	model := func(change func(map[string]Tensor)) []Tensor {
		m := byName(exampleTensors())
		delete(m, "optimizer.momentum.encoder.conv1.weight")
		change(m)
		var list []Tensor
		for _, t := range m {
			list = append(list, t)
		}
		return list
	}
	cases := []struct {
		name   string
		change func(map[string]Tensor)
		says   []string // nil: it matches
	}{
		{"the same", func(map[string]Tensor) {}, nil},
		{"encoder alone", func(m map[string]Tensor) { delete(m, "head.2.weight"); delete(m, "temperature") }, nil},
		{"another shape", func(m map[string]Tensor) {
			m["encoder.conv1.weight"] = Tensor{Name: "encoder.conv1.weight", Shape: []int{3, 2, 4, 9}}
		}, []string{`"encoder.conv1.weight"`, "[5 4 3 2]", "[9 4 3 2]"}},
		{"a deeper model", func(m map[string]Tensor) {
			m["encoder.conv2.weight"] = Tensor{Name: "encoder.conv2.weight", Shape: []int{1}}
		}, []string{`"encoder.conv2.weight" is missing from the file`}},
		{"a smaller model", func(m map[string]Tensor) { delete(m, "encoder.conv1.weight"); delete(m, "encoder.bn1.weight") },
			[]string{"unknown to the model (and 1 more)"}},
	}
	for _, c := range cases {
		err := f.Match(model(c.change))
		if c.says == nil {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		for _, s := range c.says {
			if fault.Of(err) != fault.Checkpoint || !strings.Contains(err.Error(), s) {
				t.Errorf("%s: error %q must say %q", c.name, err, s)
			}
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, data := range hostile() {
		f.Add(data)
	}
	path := filepath.Join(f.TempDir(), "seed")
	if err := Save(path, exampleMeta(1), exampleTensors()); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "c")
		write(t, path, data)
		if _, err := Load(path); err != nil && fault.Of(err) != fault.Checkpoint {
			t.Errorf("error %v is no checkpoint error", err)
		}
	})
}
