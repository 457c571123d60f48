// Package kernel is float32 arithmetic on slices: matrix products, convolutions, normalisation,
// pooling and the elementwise passes of a training step.
//
// Tensors are channels-last (N,H,W,C), filters (R,S,C,K), matrices row-major. Every function
// overwrites its outputs unless it says that it accumulates, and the caller owns every buffer.
// Slices may be longer than the shape needs; a shorter one is a broken invariant and panics.
//
// An Engine is a number of threads, one branch of the code (AVX-512, AVX2 or plain Go) and the
// scratch memory that its plans share. It serves one caller at a time. The bits of a result depend
// on the branch and on the shape, never on the number of threads: work is cut into pieces by shape
// alone, and sums over pieces are taken in a fixed order.
package kernel
