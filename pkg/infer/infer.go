// Package infer runs a trained encoder over a set of images: the whole picture,
// no augmentation, no gradients, batch norm folded into the convolutions.
package infer

import (
	"context"
	"encoding/json"
	"fmt"

	"supcon/pkg/augment"
	"supcon/pkg/checkpoint"
	"supcon/pkg/dataset"
	"supcon/pkg/embedding"
	"supcon/pkg/fault"
	"supcon/pkg/kernel"
	"supcon/pkg/loader"
	"supcon/pkg/model"
	"supcon/pkg/nn"
)

// Layer names the output that is taken; see model.Layer.
type Layer = model.Layer

// The layers that have vectors.
const (
	EncoderLayer    = model.Encoder
	ProjectionLayer = model.Projection
)

// Options of an Encoder.
type Options struct {
	Layer Layer
	Batch int // most images at once; 0 chooses by the image size
	// FailOnBad ends a run at the first unreadable image instead of skipping it.
	FailOnBad bool
}

// Encoder turns images into vectors. It is not safe for concurrent use.
type Encoder struct {
	engine   *kernel.Engine
	net      *model.Net
	graph    *model.InferGraph // nil before the first run
	rows     int               // of the graph
	dim      int
	recipe   *augment.Recipe
	options  Options
	meta     checkpoint.Meta
	checksum string
}

// Open loads the encoder of a checkpoint file.
func Open(e *kernel.Engine, path string, o Options) (*Encoder, error) {
	file, err := checkpoint.Load(path)
	if err != nil {
		return nil, err
	}
	net, err := Net(file)
	if err != nil {
		return nil, err
	}
	m := file.Meta
	recipe, err := augment.New("none", m.ImageSize, m.Mean, m.Std)
	if err != nil {
		return nil, fault.Checkpoint.Errorf("checkpoint %q: %w", path, err)
	}
	encoder, err := New(e, net, recipe, o)
	if err != nil {
		return nil, err
	}
	encoder.meta, encoder.checksum = m, file.Checksum
	return encoder, nil
}

// A batch that nobody chose has as many pixels as this at most: more brings no
// speed, only memory.
const (
	usualPixels = 32 * 224 * 224
	mostUsual   = 256
)

// New makes an encoder of a net that may still be trained between runs; recipe
// gives size and normalisation. An o.Batch below 0 is a usage error.
func New(e *kernel.Engine, net *model.Net, recipe *augment.Recipe, o Options) (*Encoder, error) {
	if o.Batch < 0 {
		return nil, fault.Usage.Errorf("infer: the batch size is %d; give 1 or more, or 0 to choose by the image size", o.Batch)
	}
	if o.Batch == 0 {
		o.Batch = max(1, min(mostUsual, usualPixels/(recipe.Size*recipe.Size)))
	}
	encoder := &Encoder{engine: e, net: net, recipe: recipe, options: o}
	if err := encoder.prepare(1); err != nil { // finds the width, and what is wrong with layer or size
		return nil, err
	}
	encoder.dim = encoder.graph.Width()
	return encoder, nil
}

// prepare makes the graph large enough for batches of so many rows.
func (e *Encoder) prepare(rows int) error {
	if e.graph != nil && rows <= e.rows {
		return nil
	}
	if err := e.Close(); err != nil {
		return err
	}
	graph, err := e.net.InferGraph(e.engine, model.Shape{Rows: rows, H: e.recipe.Size, W: e.recipe.Size}, e.options.Layer)
	if err != nil {
		return err
	}
	e.graph, e.rows = graph, rows
	return nil
}

// Net builds the model that a checkpoint describes and loads its parameters.
func Net(file *checkpoint.File) (*model.Net, error) {
	var spec model.Spec
	if err := json.Unmarshal(file.Meta.Spec, &spec); err != nil {
		return nil, fault.Checkpoint.Errorf("checkpoint %q: its model cannot be read: %w", file.Path, err)
	}
	net, err := model.New(spec, file.Meta.Seed)
	if err != nil {
		return nil, fault.Checkpoint.Errorf("checkpoint %q: %w", file.Path, err)
	}
	return net, Restore(net, file)
}

// Restore puts the parameters and statistics of a checkpoint into net. A
// checkpoint of another model is a fault.Checkpoint and changes nothing.
func Restore(net *model.Net, file *checkpoint.File) error {
	own := Tensors(net)
	if err := file.Match(own); err != nil {
		return err
	}
	state := make([]nn.Tensor, len(own))
	for i, t := range own {
		saved, _ := file.Tensor(t.Name)
		state[i] = nn.Tensor{Name: saved.Name, Shape: saved.Shape, Data: saved.Data}
		if saved.Ints != nil {
			state[i].Shape, state[i].Data = []int{}, []float32{float32(saved.Ints[0])}
		}
	}
	if err := net.Load(state); err != nil {
		return fmt.Errorf("checkpoint %q: %w", file.Path, err)
	}
	return nil
}

// Tensors returns the state of a net as a checkpoint holds it; the arrays share
// memory with the net.
func Tensors(net *model.Net) []checkpoint.Tensor {
	state := net.State()
	tensors := make([]checkpoint.Tensor, len(state))
	for i, t := range state {
		if len(t.Shape) == 0 {
			tensors[i] = checkpoint.Counter(t.Name, int64(t.Data[0]))
		} else {
			tensors[i] = checkpoint.Tensor{Name: t.Name, Shape: t.Shape, Data: t.Data}
		}
	}
	return tensors
}

// Dim is the length of a vector.
func (e *Encoder) Dim() int { return e.dim }

// Meta is the metadata of the checkpoint the encoder was opened from.
func (e *Encoder) Meta() checkpoint.Meta { return e.meta }

// Checksum is the checksum of that checkpoint.
func (e *Encoder) Checksum() string { return e.checksum }

// Close releases the encoder's memory; a later Run takes it again.
func (e *Encoder) Close() error {
	if e.graph == nil {
		return nil
	}
	err := e.graph.Close()
	e.graph = nil
	return err
}

// Run appends the vector of every readable image of set to sink, in the set's
// order, and returns the images that could not be read. It ends with the first
// error of the sink or of ctx, or with the first unreadable image (FailOnBad).
func (e *Encoder) Run(ctx context.Context, set *dataset.Set, workers int, sink embedding.Sink) ([]loader.Skip, error) {
	dim, batch := e.Dim(), min(e.options.Batch, max(1, set.Len()))
	if err := e.prepare(batch); err != nil {
		return nil, err
	}
	o := loader.Options{Batch: batch, Workers: workers, FailOnBad: e.options.FailOnBad}
	return loader.Whole(ctx, set, e.recipe, o, func(b *loader.Batch) error {
		vectors, err := e.graph.Run(b.X)
		if err != nil {
			return fmt.Errorf("infer: %w", err)
		}
		for i, index := range b.Index {
			if err := sink.Append(set.Items[index].Path, b.Labels[i], vectors[i*dim:(i+1)*dim]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Vectors are the vectors of a set, in memory.
type Vectors struct {
	embedding.Set
	Skipped []loader.Skip
}

// Collect is Run into memory.
func (e *Encoder) Collect(ctx context.Context, set *dataset.Set, workers int) (*Vectors, error) {
	v := &Vectors{Set: embedding.Set{Dim: e.Dim(), Classes: set.Classes, Vectors: make([]float32, 0, set.Len()*e.Dim())}}
	var err error
	v.Skipped, err = e.Run(ctx, set, workers, &v.Set)
	return v, err
}
