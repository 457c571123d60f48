package loader

import "supcon/pkg/augment"

// Batch is N images in V views each, in memory that the next batch reuses.
type Batch struct {
	// X is (V·N, H, W, 3) float32, view-major: row = v·N + n.
	X []float32
	// Labels (N) are the images' classes, -1 without labels.
	Labels []int
	// Index (N) are the images' positions in the set.
	Index []int
	// Epoch counts from 0; Step is the number of updates completed before this
	// batch. Both are 0 in evaluation.
	Epoch, Step int
}

// Skip is an image that could not be used.
type Skip struct{ Path, Reason string }

// newBatch takes the memory of a batch of up to n images.
func newBatch(n, views int, recipe *augment.Recipe) *Batch {
	return &Batch{
		X:      make([]float32, views*n*rowSize(recipe)),
		Labels: make([]int, n),
		Index:  make([]int, n),
	}
}

// rowSize is H·W·3.
func rowSize(recipe *augment.Recipe) int { return 3 * recipe.Size * recipe.Size }

// truncate keeps the first n rows of a batch of one view.
func (b *Batch) truncate(n, row int) {
	b.X, b.Labels, b.Index = b.X[:n*row], b.Labels[:n], b.Index[:n]
}
