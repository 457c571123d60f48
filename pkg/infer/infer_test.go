package infer

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"supcon/pkg/augment"
	"supcon/pkg/checkpoint"
	"supcon/pkg/dataset"
	"supcon/pkg/fault"
	"supcon/pkg/kernel"
	"supcon/pkg/model"
)

const size = 16

// saved writes a checkpoint of an untrained net and returns its path and the net.
func saved(t *testing.T, spec model.Spec) (string, *model.Net) {
	t.Helper()
	net, err := model.New(spec, 5)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(net.Spec())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "c.safetensors")
	meta := checkpoint.Meta{Spec: text, ImageSize: size, Mean: [3]float32{0.5, 0.4, 0.3}, Std: [3]float32{0.2, 0.2, 0.2}, Seed: 9}
	if err := checkpoint.Save(path, meta, Tensors(net)); err != nil {
		t.Fatal(err)
	}
	return path, net
}

func shapes(t *testing.T) *dataset.Set {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shapes")
	if err := dataset.Synth(dir, 1, dataset.SynthOptions{Train: 2, Test: 1, Size: 24}); err != nil {
		t.Fatal(err)
	}
	set, err := dataset.Open(filepath.Join(dir, "train"), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func engine(t *testing.T) *kernel.Engine {
	t.Helper()
	e, err := kernel.New(kernel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestVectorsDoNotDependOnTheBatch(t *testing.T) {
	path, net := saved(t, model.Spec{Name: "resnet8", Head: model.MLP, ProjDim: 6})
	set, e := shapes(t), engine(t)
	for layer, dim := range map[Layer]int{EncoderLayer: net.Dim(), ProjectionLayer: 6} {
		var want []float32
		for _, batch := range []int{1, 7, 64, 0} {
			encoder, err := Open(e, path, Options{Layer: layer, Batch: batch})
			if err != nil {
				t.Fatal(err)
			}
			v, err := encoder.Collect(context.Background(), set, 2)
			if err != nil {
				t.Fatal(err)
			}
			if v.Dim != dim || v.Len() != set.Len() || v.Paths[3] != set.Items[3].Path || v.Labels[3] != set.Items[3].Label {
				t.Fatalf("%s: %d vectors of %d values, fourth %s", layer, v.Len(), v.Dim, v.Paths[3])
			}
			if want == nil {
				want = v.Vectors
			}
			for i := range want {
				if math.Abs(float64(want[i]-v.Vectors[i])) > 1e-5 {
					t.Fatalf("%s, batch %d: value %d is %g, alone %g", layer, batch, i, v.Vectors[i], want[i])
				}
			}
			if err := encoder.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// The vector of an image is that of the net on the whole picture, normalised by
// the checkpoint's own statistics.
func TestOpenUsesTheCheckpointsPreprocessing(t *testing.T) {
	path, net := saved(t, model.Spec{Name: "small", Head: model.Linear, ProjDim: 4})
	set, e := shapes(t), engine(t)
	recipe, err := augment.New("none", size, [3]float32{0.5, 0.4, 0.3}, [3]float32{0.2, 0.2, 0.2})
	if err != nil {
		t.Fatal(err)
	}
	img, err := set.Decode(0)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, size*size*3)
	recipe.Whole(x, img)
	graph, err := net.InferGraph(e, model.Shape{Rows: 1, H: size, W: size}, EncoderLayer)
	if err != nil {
		t.Fatal(err)
	}
	want, err := graph.Run(x)
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := Open(e, path, Options{Layer: EncoderLayer, Batch: 4})
	if err != nil {
		t.Fatal(err)
	}
	v, err := encoder.Collect(context.Background(), set.Select([]int{0}), 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if math.Abs(float64(want[i]-v.Vectors[i])) > 1e-5 {
			t.Fatalf("value %d is %g, want %g", i, v.Vectors[i], want[i])
		}
	}
	if encoder.Meta().Seed != 9 || !strings.HasPrefix(encoder.Checksum(), "sha256:") {
		t.Errorf("meta %+v, checksum %q", encoder.Meta(), encoder.Checksum())
	}
}

func TestUnreadableImagesAreReturnedNotEmbedded(t *testing.T) {
	path, _ := saved(t, model.Spec{Name: "small", Head: model.Linear, ProjDim: 4})
	set := shapes(t)
	if err := os.WriteFile(filepath.Join(set.Root, set.Items[4].Path), []byte("\x89PNG\r\n\x1a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	encoder, err := Open(engine(t), path, Options{Layer: EncoderLayer, Batch: 3})
	if err != nil {
		t.Fatal(err)
	}
	v, err := encoder.Collect(context.Background(), set, 2)
	if err != nil {
		t.Fatal(err)
	}
	if v.Len() != set.Len()-1 || len(v.Skipped) != 1 || v.Skipped[0].Path != set.Items[4].Path || v.Paths[4] != set.Items[5].Path {
		t.Errorf("%d vectors, skipped %v, fifth %s", v.Len(), v.Skipped, v.Paths[4])
	}
}

func TestOpenRefuses(t *testing.T) {
	path, net := saved(t, model.Spec{Name: "small", Head: model.Linear, ProjDim: 4})
	e := engine(t)
	other := filepath.Join(t.TempDir(), "other.safetensors")
	if err := checkpoint.Save(other, checkpoint.Meta{Spec: json.RawMessage(`{"name":"resnet8","head":"mlp","proj_dim":4}`), ImageSize: size, Std: [3]float32{1, 1, 1}}, Tensors(net)); err != nil {
		t.Fatal(err)
	}
	unknown := filepath.Join(t.TempDir(), "unknown.safetensors")
	if err := checkpoint.Save(unknown, checkpoint.Meta{Spec: json.RawMessage(`{"name":"vit"}`), ImageSize: size}, Tensors(net)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		o    Options
		kind fault.Kind
	}{
		{path, Options{Layer: "middle", Batch: 1}, fault.Usage},
		{path, Options{Layer: EncoderLayer, Batch: -1}, fault.Usage},
		{path + "x", Options{Layer: EncoderLayer, Batch: 1}, fault.Checkpoint},
		{other, Options{Layer: EncoderLayer, Batch: 1}, fault.Checkpoint},
		{unknown, Options{Layer: EncoderLayer, Batch: 1}, fault.Checkpoint},
	} {
		if _, err := Open(e, c.path, c.o); err == nil || fault.Of(err) != c.kind {
			t.Errorf("%s %+v: error %v of kind %d, want kind %d", filepath.Base(c.path), c.o, err, fault.Of(err), c.kind)
		}
	}
}

// A graph is made no larger than the images need: memory and time would go into
// rows that do not exist.
func TestGraphHasNoMoreRowsThanImages(t *testing.T) {
	path, _ := saved(t, model.Spec{Name: "small", Head: model.Linear, ProjDim: 4})
	set := shapes(t)
	encoder, err := Open(engine(t), path, Options{Layer: EncoderLayer})
	if err != nil {
		t.Fatal(err)
	}
	for _, images := range []int{3, 1, 5} {
		if _, err := encoder.Collect(context.Background(), set.Select(make([]int, images)), 1); err != nil {
			t.Fatal(err)
		}
		if want := max(3, images); encoder.rows != want {
			t.Errorf("after %d images the graph has %d rows, want %d", images, encoder.rows, want)
		}
	}
}
