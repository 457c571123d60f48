package loader

import (
	"cmp"
	"image"
	"slices"
	"sync"
	"sync/atomic"

	"supcon/pkg/dataset"
)

// cache decodes the pictures of a set and keeps them until its budget is spent.
// Nothing is evicted: an epoch uses every picture once, so any fixed part of the
// set is as good as another. It also remembers which pictures are unreadable.
type cache struct {
	set    *dataset.Set
	images []atomic.Pointer[image.NRGBA]
	budget int64        // bytes
	left   atomic.Int64 // of them

	mutex sync.Mutex
	bad   map[int]error
}

// pictureOverhead is what a cached picture takes beside its pixels.
const pictureOverhead = 128

func newCache(set *dataset.Set, bytes int64) *cache {
	c := &cache{set: set, budget: bytes, images: make([]atomic.Pointer[image.NRGBA], set.Len()), bad: map[int]error{}}
	c.left.Store(bytes)
	return c
}

// get returns picture i, which several callers may hold and none may change.
func (c *cache) get(i int) (*image.NRGBA, error) {
	if img := c.images[i].Load(); img != nil {
		return img, nil
	}
	c.mutex.Lock()
	err := c.bad[i]
	c.mutex.Unlock()
	if err != nil {
		return nil, err
	}
	img, err := c.set.Decode(i)
	if err != nil {
		c.mutex.Lock()
		c.bad[i] = err
		c.mutex.Unlock()
		return nil, err
	}
	cost := int64(len(img.Pix) + pictureOverhead)
	if c.left.Add(-cost) < 0 || !c.images[i].CompareAndSwap(nil, img) {
		c.left.Add(cost)
	}
	return img, nil
}

// holdsAll tells whether a set of pictures like those held fits the budget.
func (c *cache) holdsAll() bool {
	held := 0
	for i := range c.images {
		if c.images[i].Load() != nil {
			held++
		}
	}
	used := float64(c.budget - c.left.Load())
	return held > 0 && used*float64(len(c.images)) <= float64(c.budget)*float64(held)
}

func (c *cache) badCount() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return len(c.bad)
}

// skipped lists the unreadable pictures met so far, in the order of the set.
func (c *cache) skipped() []Skip {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	indices := make([]int, 0, len(c.bad))
	for i := range c.bad {
		indices = append(indices, i)
	}
	slices.SortFunc(indices, cmp.Compare)
	skips := make([]Skip, len(indices))
	for k, i := range indices {
		skips[k] = Skip{Path: c.set.Items[i].Path, Reason: c.bad[i].Error()}
	}
	return skips
}
