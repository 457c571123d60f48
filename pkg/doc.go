// Package pkg is the map of supcon's libraries: it holds no code. An image
// comes in at dataset, goes up one stair at a time, and leaves as a vector.
//
// # Rooms
//
//	dataset     where images come from: folders, manifests, decoding, splits, statistics, the generated sample
//	augment     image + random stream → view
//	loader      views → batches of plain []float32, off the critical path; knows where a run stopped
//	kernel      float32 arithmetic on slices, in assembly where the CPU has it: matrices, convolution, norm, pooling
//	loss        the contrastive losses and their gradients, plain arithmetic without a graph
//	op          gorgonia operations over kernel and loss, each with its analytic gradient
//	nn          named parameters, layers, initialisation
//	model       encoders and projection heads, by name
//	optim       solvers over plain slices with state that can be saved; learning-rate schedules
//	config      YAML and flags → one validated struct, resolved once
//	train       one loop that joins all of it
//	checkpoint  safetensors files, crash-safe and versioned, in PyTorch's names and shapes
//	infer       the encoder over a dataset, without augmentation and gradients
//	embedding   a set of vectors with paths and labels, and its writers
//	eval        linear probe, nearest neighbours, retrieval on frozen vectors
//	runlog      what a run measured: metrics, events, the clock
//	onnx        the encoder as an ONNX graph
//	report      one HTML page about a run
//	dist        the ranks of a run on several machines
//	fault       error kinds, which become exit codes
//	random      one seed → every random draw
//
// A room that is not there yet has its place all the same. Imports go one way,
// as internal/layers writes down and enforces: only op, nn, model, optim, train
// and infer know gorgonia, only cmd and train know config, nothing knows cmd.
//
// # The path of an image
//
//	0   main → train.New(cfg) → (*Trainer).Run(ctx)
//	1   dataset.Open(path), (*Set).Read(i)          bytes, label
//	2   dataset.Decode(data)                        *image.NRGBA, upright, opaque
//	3   (*augment.Recipe).View(dst, img, rng)       (H,W,C) float32, V times; rng from (seed, epoch, index, view)
//	4   (*loader.Loader).Next()                     Batch{X (V·N,H,W,C), Labels (N)}, valid until the next Next
//	5   one training step: bind the inputs, run the graph
//	6   encoder → op → kernel                       h (V·N,D_h)
//	7   projection head, L2 normalisation           z (V·N,D)
//	8   op → loss                                   a scalar
//	9   gradients, derived once when the graph is built
//	10  learning rate of this step, Solver.Step     parameters
//	11  checkpoint.Save when due                    files
//	→   infer → embedding.Set → eval, the writers, onnx
//
// # Dimension key
//
//	N      images of a batch
//	V      views of an image
//	M      V·N rows, view-major: row = v·N + n; the first axis of every training tensor
//	C,H,W  channels, height, width; tensors are channels-last: (M,H,W,C)
//	R,S    height and width of a filter; filters are (R,S,C,K)
//	K      output channels; in nearest neighbours, how many of them
//	P,Q    output height and width
//	D_h    width of the representation h
//	D      width of the unit projection z
//	h      representation, what the encoder gives and evaluation uses
//	z      projection, what the loss sees; unit length
//	s      similarity: ⟨z_i, z_j⟩/τ
//	τ      temperature: tau in mathematics, Temperature in configuration
//	step   number of completed updates
//
// An index is the lower-case letter of its dimension. dx, dw are the gradients
// of the loss with respect to x, w. lr, wd, mu, beta1, beta2 and eps are as in
// the optimisers' papers. A unit stands in the name of its quantity: _s, _ms,
// _bytes, images_per_s, gflops.
//
// A parameter's path is its identity everywhere — graph node, checkpoint, ONNX:
// torchvision's names under "encoder.", the reference implementation's head.0
// and head.2, as in encoder.layer1.0.conv1.weight. On disk weights have
// PyTorch's shapes (K,C,R,S) and (out,in); checkpoint alone transposes.
package pkg
