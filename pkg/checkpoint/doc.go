// Package checkpoint keeps a training run on disk: safetensors files that
// PyTorch reads as they are, and the run directory's rules about them.
//
// A file holds parameters, running statistics and optimiser state under the
// names that PyTorch uses, in PyTorch's shapes (filters (K, C, R, S), linear
// layers (out, in)); in memory the program's own layout rules (filters
// (R, S, C, K), linear layers (in, out)). The transposition between the two lives
// here and nowhere else. What only a resumed training needs has a prefix to its
// name: "optimizer.", and "trained." for the weights in training where the model's
// are their moving average. A file's metadata are three strings:
//
//	format    "pt", as the safetensors library of PyTorch writes it
//	supcon    Meta as JSON
//	checksum  "sha256:" and the digest of Meta, of every tensor's name, type and
//	          shape, and of every byte of every tensor, in the file's order
//
// Equal states give equal bytes: no path, host, clock time or thread count goes in.
//
// What is promised, and the test that holds it:
//   - A file under its final name is whole (TestSaveFailureLeavesNothing); a bit
//     changed since is noticed (TestEveryFlippedByteIsNoticed).
//   - `last` and `best` name only files that were safely on disk before the
//     pointer was switched (TestSaveStepOrder), and pruning keeps both
//     (TestPruneKeepsBestAndLast).
//   - A damaged checkpoint is passed over for the newest that verifies, and the
//     caller is told (TestResolveFallsBack).
//   - A hostile file costs an error, not memory: nothing of a size that the file
//     claims is allocated before the claim was checked against the file's real
//     size and the checksum (TestHostileHeaders, FuzzLoad).
package checkpoint
