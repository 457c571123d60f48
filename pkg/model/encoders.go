package model

import (
	"fmt"

	"supcon/pkg/nn"
	"supcon/pkg/op"

	G "gorgonia.org/gorgonia"
)

// encoder takes images x (M,H,W,3) to representations h (M,D_h).
type encoder interface {
	forward(g *nn.Graph, x *G.Node) *G.Node
	dim() int
}

// small is conv-BN-ReLU-pool2, conv-BN-ReLU-pool2, conv-BN-ReLU, average pool.
type small struct {
	units []*nn.ConvNorm
	width int
}

func newSmall(p *nn.Params, widths []int) *small {
	e := &small{}
	in := 3
	for i, w := range widths {
		e.units = append(e.units, unit(p, fmt.Sprintf("encoder.conv%d", i+1), fmt.Sprintf("encoder.bn%d", i+1), 3, in, w, 1, true))
		in = w
	}
	e.width = in
	return e
}

func (e *small) dim() int { return e.width }

func (e *small) forward(g *nn.Graph, x *G.Node) *G.Node {
	for i, u := range e.units {
		x = u.Forward(g, x, nil)
		if i < len(e.units)-1 {
			x = g.MaxPool(fmt.Sprintf("encoder.maxpool%d", i+1), x, 2, op.Geometry{Stride: 2})
		}
	}
	return g.GlobalAvgPool("encoder.avgpool", x)
}

// plain is a stem, stages of a pooled and another 3×3 convolution, and an average
// pool.
type plain struct {
	units []*nn.ConvNorm
	width int
}

func newPlain(p *nn.Params, widths []int) *plain {
	e := &plain{width: widths[len(widths)-1]}
	in := 3
	part := func(conv, norm string, out int, pool bool) {
		u := &nn.ConvNorm{Conv: nn.NewConv(p, conv, 3, in, out, 1, 1), ReLU: true, Pool: pool}
		u.Norm = nn.NewShiftNorm(p, norm, out)
		e.units, in = append(e.units, u), out
	}
	part("encoder.conv1", "encoder.bn1", widths[0], false)
	for i, w := range widths[1:] {
		name := fmt.Sprintf("encoder.layer%d", i+1)
		part(name+".conv1", name+".bn1", w, true)
		part(name+".conv2", name+".bn2", w, false)
	}
	return e
}

func (e *plain) dim() int { return e.width }

func (e *plain) forward(g *nn.Graph, x *G.Node) *G.Node {
	for _, u := range e.units {
		x = u.Forward(g, x, nil)
	}
	return g.GlobalAvgPool("encoder.avgpool", x)
}

// resNet is a stem, stages of residual blocks, and an average pool.
type resNet struct {
	stem   *nn.ConvNorm
	pooled bool // a max-pool follows the stem
	blocks []*block
	width  int
}

func newResNet(p *nn.Params, a architecture, largeStem bool) *resNet {
	e := &resNet{pooled: largeStem}
	size, stride := 3, 1
	if largeStem {
		size, stride = 7, 2
	}
	e.stem = unit(p, "encoder.conv1", "encoder.bn1", size, 3, a.widths[0], stride, true)
	in := a.widths[0]
	for stage, width := range a.widths {
		for i := range a.depths[stage] {
			stride := 1
			if stage > 0 && i == 0 {
				stride = 2
			}
			b := newBlock(p, fmt.Sprintf("encoder.layer%d.%d", stage+1, i), in, width, stride, a.expansion)
			e.blocks = append(e.blocks, b)
			in = b.out
		}
	}
	e.width = in
	return e
}

func (e *resNet) dim() int { return e.width }

func (e *resNet) forward(g *nn.Graph, x *G.Node) *G.Node {
	x = e.stem.Forward(g, x, nil)
	if e.pooled {
		x = g.MaxPool("encoder.maxpool", x, 3, op.Geometry{Stride: 2, Pad: 1})
	}
	for _, b := range e.blocks {
		x = b.forward(g, x)
	}
	return g.GlobalAvgPool("encoder.avgpool", x)
}

// block is relu(F(x) + shortcut(x)), with F two 3×3 units (basic) or 1×1, 3×3,
// 1×1 (bottleneck, the stride in the 3×3 as torchvision has it). The shortcut is
// a 1×1 unit where sizes change, else x itself.
type block struct {
	units    []*nn.ConvNorm // the last adds the shortcut
	shortcut *nn.ConvNorm
	out      int
}

func newBlock(p *nn.Params, name string, in, width, stride, expansion int) *block {
	b := &block{out: width}
	part := func(i, size, in, out, stride int) {
		b.units = append(b.units, unit(p, fmt.Sprintf("%s.conv%d", name, i), fmt.Sprintf("%s.bn%d", name, i), size, in, out, stride, true))
	}
	if expansion == 0 {
		part(1, 3, in, width, stride)
		part(2, 3, width, width, 1)
	} else {
		b.out = width * expansion
		part(1, 1, in, width, 1)
		part(2, 3, width, width, stride)
		part(3, 1, width, b.out, 1)
	}
	if stride != 1 || in != b.out {
		b.shortcut = unit(p, name+".downsample.0", name+".downsample.1", 1, in, b.out, stride, false)
	}
	return b
}

func (b *block) forward(g *nn.Graph, x *G.Node) *G.Node {
	shortcut := x
	if b.shortcut != nil {
		shortcut = b.shortcut.Forward(g, x, nil)
	}
	last := len(b.units) - 1
	for _, u := range b.units[:last] {
		x = u.Forward(g, x, nil)
	}
	return b.units[last].Forward(g, x, shortcut)
}
