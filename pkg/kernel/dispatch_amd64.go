//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// tables lists what this machine can run, best first. The cpu package reports a feature only where
// the operating system saves its registers too.
func tables() []*table {
	var usable []*table
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasBMI2 {
		usable = append(usable, branchAVX512)
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		usable = append(usable, branchAVX2)
	}
	return append(usable, generic)
}

var branchAVX512 = &table{
	branch: AVX512, mr: 14, nr: 32,
	direct: tileDirect512, transposed: tileTransposed512,
	pairs: &pairs512, strips: strips512,
}

var branchAVX2 = &table{
	branch: AVX2, mr: 6, nr: 16,
	direct: tileDirect2, transposed: tileTransposed2,
	pairs: &pairs2, strips: strips2,
}

var norms512 = normForms{
	normStores: normStores{
		plain: normalize512, relu: normalizeReLU512, add: normalizeAdd512, addReLU: normalizeAddReLU512,
		grad: normGrad512, gradReLU: normGradReLU512, gradAdd: normGradAdd512, gradAddReLU: normGradAddReLU512,
	},
	past: &normStores{
		plain: normalizePast512, relu: normalizeReLUPast512, add: normalizeAddPast512, addReLU: normalizeAddReLUPast512,
		grad: normGradPast512, gradReLU: normGradReLUPast512, gradAdd: normGradAddPast512, gradAddReLU: normGradAddReLUPast512,
	},
	sums: normSums512, sumsReLU: normSumsReLU512,
}

var strips512 = strips{
	relu: unary(relu512), reluGrad: binary(reluGrad512), add: binary(add512), addPast: binary(addPast512),
	addBias: biased(addBias512), columnSums: summed(columnSums512), moments: momentsOf(moments512),
	normalize: norms512.normalize, normSums: norms512.normSums, normGrad: norms512.normGrad,
	maxPool: pooled(maxPool512), maxPoolGrad: pooledGrad(maxPoolGrad512, 16), dot: dotted(dot512), axpy: scaled(axpy512), lerp: scaled(lerp512), scale: scaled(scale512),
	transpose: transposeBlocks,
	sgd:       stepped(sgd512, nesterov512), adamW: adapted(adamW512), maxRow: reduced(maxRow512), expSum: exponential(expSum512),
	winograd: winograd{
		outside: outsideOf,
		input:   gathered(winogradInput512, tileIn), filter: gathered(winogradFilter512, 3), dy: gathered(winogradDy512, tileOut),
		output: finished(winogradOutput512), outputPast: finished(winogradOutputPast512), dw: scattered(winogradDw512, 3),
	},
}

var norms2 = normForms{
	normStores: normStores{
		plain: normalize2, relu: normalizeReLU2, add: normalizeAdd2, addReLU: normalizeAddReLU2,
		grad: normGrad2, gradReLU: normGradReLU2, gradAdd: normGradAdd2, gradAddReLU: normGradAddReLU2,
	},
	past: &normStores{
		plain: normalizePast2, relu: normalizeReLUPast2, add: normalizeAddPast2, addReLU: normalizeAddReLUPast2,
		grad: normGradPast2, gradReLU: normGradReLUPast2, gradAdd: normGradAddPast2, gradAddReLU: normGradAddReLUPast2,
	},
	sums: normSums2, sumsReLU: normSumsReLU2,
}

var strips2 = strips{
	relu: unary(relu2), reluGrad: binary(reluGrad2), add: binary(add2), addPast: binary(addPast2),
	addBias: biased(addBias2), columnSums: summed(columnSums2), moments: momentsOf(moments2),
	normalize: norms2.normalize, normSums: norms2.normSums, normGrad: norms2.normGrad,
	maxPool: pooled(maxPool2), maxPoolGrad: pooledGrad(maxPoolGrad2, 8), dot: dotted(dot2), axpy: scaled(axpy2), lerp: scaled(lerp2), scale: scaled(scale2),
	transpose: transposeBlocks,
	sgd:       stepped(sgd2, nesterov2), adamW: adapted(adamW2), maxRow: reduced(maxRow2), expSum: exponential(expSum2),
	winograd: winograd{
		outside: outsideOf,
		input:   gathered(winogradInput2, tileIn), filter: gathered(winogradFilter2, 3), dy: gathered(winogradDy2, tileOut),
		output: finished(winogradOutput2), outputPast: finished(winogradOutputPast2), dw: scattered(winogradDw2, 3),
	},
}
