// Package numtest holds what numerical tests share: the golden files, arrays
// read from them, error measures, and the check of a gradient by differences.
package numtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// FolderVariable names the environment variable that puts another folder of
// golden files of the same form in the place of the copy in testdata.
const FolderVariable = "SUPCON_GOLDEN"

// Golden decodes the golden file into v and fails the test if it cannot.
func Golden(t testing.TB, file string, v any) {
	t.Helper()
	folder := os.Getenv(FolderVariable)
	if folder == "" {
		_, here, _, _ := runtime.Caller(0)
		folder = filepath.Join(filepath.Dir(here), "testdata", "golden")
	}
	data, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		t.Fatalf("golden file: %v", err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("golden file %s: %v", file, err)
	}
}

// Array is a nested JSON list of numbers, flattened row-major; a bare number
// has no dimensions.
type Array struct {
	Shape []int
	Data  []float64
}

// UnmarshalJSON reads nested lists of any depth and refuses ragged ones.
func (a *Array) UnmarshalJSON(text []byte) error {
	var nested any
	if err := json.Unmarshal(text, &nested); err != nil {
		return err
	}
	*a = Array{}
	for list, ok := nested.([]any); ok; list, ok = list[0].([]any) {
		a.Shape = append(a.Shape, len(list))
		if len(list) == 0 {
			return nil
		}
	}
	return a.flatten(nested, 0)
}

func (a *Array) flatten(nested any, depth int) error {
	list, isList := nested.([]any)
	if !isList {
		x, isNumber := nested.(float64)
		if !isNumber || depth != len(a.Shape) {
			return fmt.Errorf("numtest: %v at depth %d of an array of shape %v", nested, depth, a.Shape)
		}
		a.Data = append(a.Data, x)
		return nil
	}
	if depth >= len(a.Shape) || len(list) != a.Shape[depth] {
		return fmt.Errorf("numtest: a list of %d at depth %d of an array of shape %v", len(list), depth, a.Shape)
	}
	for _, element := range list {
		if err := a.flatten(element, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// Float32 returns the values rounded to float32.
func (a Array) Float32() []float32 {
	x := make([]float32, len(a.Data))
	for i, v := range a.Data {
		x[i] = float32(v)
	}
	return x
}

// Permute returns the array with its axes in the given order: axis i of the
// result is axis axes[i] of a.
func (a Array) Permute(axes ...int) Array {
	if len(axes) != len(a.Shape) {
		panic(fmt.Sprintf("numtest: %d axes for an array of shape %v", len(axes), a.Shape))
	}
	strides := make([]int, len(a.Shape))
	for i, stride := len(a.Shape)-1, 1; i >= 0; i-- {
		strides[i] = stride
		stride *= a.Shape[i]
	}
	out := Array{Shape: make([]int, len(axes)), Data: make([]float64, len(a.Data))}
	for i, axis := range axes {
		out.Shape[i] = a.Shape[axis]
	}
	index := make([]int, len(axes))
	for o := range out.Data {
		from := 0
		for i, axis := range axes {
			from += index[i] * strides[axis]
		}
		out.Data[o] = a.Data[from]
		for i := len(index) - 1; i >= 0; i-- {
			if index[i]++; index[i] < out.Shape[i] {
				break
			}
			index[i] = 0
		}
	}
	return out
}

// ChannelsLast returns PyTorch's array in the program's layout: NCHW becomes
// NHWC; arrays without spatial axes stay as they are.
func (a Array) ChannelsLast() Array {
	if len(a.Shape) != 4 {
		return a
	}
	return a.Permute(0, 2, 3, 1)
}

// Filter returns PyTorch's weight in the program's layout: OIHW becomes HWIO,
// (out,in) becomes (in,out); vectors stay as they are.
func (a Array) Filter() Array {
	switch len(a.Shape) {
	case 4:
		return a.Permute(2, 3, 1, 0)
	case 2:
		return a.Permute(1, 0)
	}
	return a
}
