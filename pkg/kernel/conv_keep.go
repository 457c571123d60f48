package kernel

import "unsafe"

// kept is what Forward derives from a filter, held for a filter that does not change.
type kept struct {
	filter  *float32 // where the filter lies
	derived []float32
}

// Keep makes Forward hold on to what it derives from the filter w (R,S,C,K), as long as it is called
// with the same memory: for inference, where filters stay. The caller must call Keep again after
// changing w; Keep(nil) lets go. What is kept is up to four times the filter's size.
func (c *Conv) Keep(w []float32) {
	c.kept = kept{}
	if w == nil || c.s.isProduct() {
		return
	}
	derived := append([]float32(nil), c.derived(w[:c.s.sizeW()])...)
	c.kept = kept{filter: unsafe.SliceData(w), derived: derived}
}

// derived is w transformed to frequencies, or packed: what was kept, or scratch until the next call.
func (c *Conv) derived(w []float32) []float32 {
	if c.kept.derived != nil && c.kept.filter == unsafe.SliceData(w) {
		return c.kept.derived
	}
	if c.tile != nil {
		u := c.e.shared[:c.tile.forward.sharedU()]
		c.tile.forward.transformFilter(c.e, u, w)
		return u
	}
	b := c.panels()
	packed := c.e.shared[:b.size()]
	c.e.each(b.count(), func(_ *worker, i int) { b.pack(packed, w, c.s.K, false, i) })
	return packed
}

// panels is the filter of the forward pass, packed.
func (c *Conv) panels() panels {
	return panels{cols: c.s.K, depth: c.s.taps(), table: c.e.k}
}
