// Package eval judges frozen features: a linear probe, a weighted k-nearest-neighbour
// classifier, and the measures both are told in.
//
// Features come as flat float32 rows (n, d); products run on a kernel.Engine,
// sums that grow with n in float64 and in a fixed order, so that no result
// depends on the number of threads.
package eval
