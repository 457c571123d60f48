package model

import "supcon/pkg/nn"

// architecture is what sets one encoder apart.
type architecture struct {
	name      string
	widths    []int // of the stages
	depths    []int // blocks of each stage
	expansion int   // a bottleneck's width over its inner one; 0: basic blocks
	largeStem bool  // the 7×7 stem exists
	pooled    bool  // plain stages, each begun by a convolution that is pooled
}

// architectures holds the encoders, smallest first. The residual networks are
// those of He et al. 2015, arXiv 1512.03385: resnet8 and resnet20 with the
// widths of its §4.2, but with 1×1 projection shortcuts; resnet18 to resnet50
// as torchvision has them. vgg7 is a plain network after Simonyan & Zisserman 2015,
// arXiv 1409.1556, cut down as Jordan 2024, arXiv 2404.00498, has it: the most
// accuracy on small images for an hour of work.
var architectures = []architecture{
	{name: "small", widths: []int{32, 64, 128}},
	{name: "resnet8", widths: []int{16, 32, 64}, depths: []int{1, 1, 1}},
	{name: "resnet20", widths: []int{16, 32, 64}, depths: []int{3, 3, 3}},
	{name: "vgg7", widths: []int{32, 64, 256, 256}, pooled: true},
	{name: "resnet18", widths: []int{64, 128, 256, 512}, depths: []int{2, 2, 2, 2}, largeStem: true},
	{name: "resnet34", widths: []int{64, 128, 256, 512}, depths: []int{3, 4, 6, 3}, largeStem: true},
	{name: "resnet50", widths: []int{64, 128, 256, 512}, depths: []int{3, 4, 6, 3}, expansion: 4, largeStem: true},
}

// leastSize is the side in pixels under which pooling leaves nothing.
func (a architecture) leastSize() int {
	if a.depths == nil { // a 2×2 pooling between its stages
		return 1 << (len(a.widths) - 1)
	}
	return 1
}

func find(name string) (architecture, bool) {
	for _, a := range architectures {
		if a.name == name {
			return a, true
		}
	}
	return architecture{}, false
}

// newEncoder declares the encoder's parameters under torchvision's names.
func newEncoder(p *nn.Params, s Spec) encoder {
	a, _ := find(s.Name)
	if a.pooled {
		return newPlain(p, a.widths)
	}
	if a.depths == nil {
		return newSmall(p, a.widths)
	}
	return newResNet(p, a, s.Stem == LargeStem)
}

// unit declares conv and norm with the padding that keeps the size at stride 1.
func unit(p *nn.Params, conv, norm string, size, in, out, stride int, relu bool) *nn.ConvNorm {
	return &nn.ConvNorm{
		Conv: nn.NewConv(p, conv, size, in, out, stride, size/2),
		Norm: nn.NewBatchNorm(p, norm, out),
		ReLU: relu,
	}
}
