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

var (
	branchAVX512 = &table{branch: AVX512, mr: 14, nr: 32, direct: tileDirect512, transposed: tileTransposed512, strips: genericStrips}
	branchAVX2   = &table{branch: AVX2, mr: 6, nr: 16, direct: tileDirect2, transposed: tileTransposed2, strips: genericStrips}
)
