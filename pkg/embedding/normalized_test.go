package embedding

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNormalizedPassesUnitVectorsOn(t *testing.T) {
	kept := &Set{Dim: 2}
	sink, vector := Normalized(kept), []float32{3, 4}
	for _, v := range [][]float32{vector, {0, 0}} {
		if err := sink.Append("x", Unlabelled, v); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]float32{0.6, 0.8, 0, 0}, kept.Vectors); diff != "" {
		t.Error(diff)
	}
	if vector[0] != 3 {
		t.Error("the caller's vector was changed")
	}
}
