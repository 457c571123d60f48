// Package op puts the kernels and losses into gorgonia graphs: each operation is
// a gorgonia Op of our own with an analytic gradient.
//
// A Graph builds one computation of fixed sizes from top to bottom; after the
// first error its methods return nil and do nothing, and Compile reports that
// error. Compile decides where every result lies (see plan) and returns a
// Machine that runs the graph. All results of a graph share one arena, in which
// memory is taken again as soon as nothing still to run reads it.
//
//	g := op.NewGraph(engine)
//	x := g.Input("x", m, h, w, c)
//	y := g.Conv("conv1", x, g.Parameter("conv1.weight", weight), op.Geometry{Stride: 1, Pad: 1})
//	…
//	grads := g.Gradients(loss, parameters...)
//	machine, err := g.Compile(keep...)
//
// # Adding an operation
//
// Write a method of Graph that calls g.add with the operation's inputs, its
// output shape, a compute function over slices and, where it has a gradient, a
// function that adds the operations of the backward pass. base.go does the rest.
// Forward results that the backward pass reads have to be inputs of the
// backward operation, so that the plan keeps them; a second result of one
// computation (dγ beside dx) is a side result and becomes a node with g.fetch.
package op
