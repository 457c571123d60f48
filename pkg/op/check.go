package op

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// check is the one check of both paths of every operation. It sees that the
// inputs and the output are what the operation was built for, sets o.args, and
// returns the output as a slice.
func (o *Op) check(to G.Value, inputs []G.Value) ([]float32, error) {
	if len(inputs) != len(o.in) {
		return nil, fmt.Errorf("%d inputs, want %d", len(inputs), len(o.in))
	}
	for i, v := range inputs {
		if o.in[i].dtype == tensor.Int {
			d, err := dense(v, o.in[i])
			if err != nil {
				return nil, fmt.Errorf("input %d: %w", i, err)
			}
			o.args.ints[i] = d.Ints()
			continue
		}
		x, err := floats(v, o.in[i], o.args.room[i:i+1])
		if err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		o.args.floats[i] = x
	}
	if o.scalar != nil {
		if _, ok := to.(*G.F32); !ok {
			return nil, fmt.Errorf("output: %T for a scalar", to)
		}
		return []float32{0}, nil
	}
	out, err := floats(to, o.out, nil)
	if err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	return out, nil
}

// floats returns the values of v, a scalar's by way of room.
func floats(v G.Value, want slot, room []float32) ([]float32, error) {
	if want.shape == nil {
		s, ok := v.(*G.F32)
		if !ok {
			return nil, fmt.Errorf("%T for a float32 scalar", v)
		}
		room[0] = float32(*s)
		return room, nil
	}
	d, err := dense(v, want)
	if err != nil {
		return nil, err
	}
	return d.Float32s(), nil
}

func dense(v G.Value, want slot) (*tensor.Dense, error) {
	d, ok := v.(*tensor.Dense)
	switch {
	case !ok:
		return nil, fmt.Errorf("%T for an array of shape %v", v, want.shape)
	case d.Dtype() != want.dtype:
		return nil, fmt.Errorf("an array of %v, want %v", d.Dtype(), want.dtype)
	case !slices.Equal(d.Shape(), want.shape):
		return nil, fmt.Errorf("an array of shape %v, want %v", d.Shape(), want.shape)
	case d.RequiresIterator():
		return nil, fmt.Errorf("an array of shape %v that does not lie in one piece", d.Shape())
	}
	return d, nil
}

// shaped fails building unless n is a float32 array of so many dimensions.
func (g *Graph) shaped(name, what string, n *G.Node, dims int) bool {
	if !g.ready(name, n) {
		return false
	}
	if n.Dtype() != tensor.Float32 || len(n.Shape()) != dims {
		g.fail("%s: %s is %v of shape %v; it has to be float32 with %d dimensions", name, what, n.Dtype(), n.Shape(), dims)
	}
	return g.err == nil
}

// sized fails building unless n has exactly this shape.
func (g *Graph) sized(name, what string, n *G.Node, shape ...int) bool {
	if !g.shaped(name, what, n, len(shape)) {
		return false
	}
	if !slices.Equal(n.Shape(), shape) {
		g.fail("%s: %s has shape %v; it has to be %v", name, what, n.Shape(), shape)
	}
	return g.err == nil
}
