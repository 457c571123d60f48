package numtest

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
)

func TestArrayFlattensAndPermutes(t *testing.T) {
	var a Array
	if err := json.Unmarshal([]byte(`[[[1,2],[3,4],[5,6]]]`), &a); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.Shape, []int{1, 3, 2}) || !slices.Equal(a.Data, []float64{1, 2, 3, 4, 5, 6}) {
		t.Fatalf("read %+v", a)
	}
	p := a.Permute(2, 0, 1)
	if !slices.Equal(p.Shape, []int{2, 1, 3}) || !slices.Equal(p.Data, []float64{1, 3, 5, 2, 4, 6}) {
		t.Errorf("permuted %+v", p)
	}
}

func TestRaggedArrayIsRefused(t *testing.T) {
	for _, text := range []string{`[[1,2],[3]]`, `[1,[2]]`, `[["a"]]`} {
		var a Array
		if err := json.Unmarshal([]byte(text), &a); err == nil {
			t.Errorf("%s read as %+v", text, a)
		}
	}
}

func TestRelErrorSeesNaNAndLength(t *testing.T) {
	if e := RelError([]float32{1, float32(math.NaN())}, []float64{1, 2}); !math.IsInf(e, 1) {
		t.Errorf("error with a NaN = %v", e)
	}
	if e := RelError([]float64{1}, []float64{1, 2}); !math.IsInf(e, 1) {
		t.Errorf("error of unequal lengths = %v", e)
	}
	if e := RelError([]float64{1, 4.2}, []float64{1, 4}); math.Abs(e-0.05) > 1e-12 {
		t.Errorf("error = %v, want 0.05", e)
	}
}

func TestDifferencesOfACubic(t *testing.T) {
	x := []float64{1, -2}
	f := func() float64 { return x[0]*x[0]*x[0] + 3*x[1] }
	if e := RelError(Differences(f, x, 1e-5), []float64{3, 3}); e > 1e-8 {
		t.Errorf("relative error %v", e)
	}
}
