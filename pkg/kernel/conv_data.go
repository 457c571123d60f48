package kernel

// tapPair is a filter tap along one axis and how far it reaches: the gradient at pixel
// phase + stride·i takes dy[i + reach] through it.
type tapPair struct{ tap, reach int }

// tapsOf lists the taps of a phase, in the order of the dy they take.
func tapsOf(phase, size, stride, pad int) []tapPair {
	var taps []tapPair
	for r := size - 1; r >= 0; r-- {
		if (phase+pad-r)%stride == 0 {
			taps = append(taps, tapPair{tap: r, reach: (phase + pad - r) / stride})
		}
	}
	return taps
}

// dataPhase is the part of the gradient by the input whose pixels are phase + stride·(i,j): a
// convolution of dy, with stride 1, by the taps that meet those pixels.
type dataPhase struct {
	g     correlation
	taps  []int // places in the filter, in the order of the packed rows
	empty bool  // no tap meets these pixels: the gradient is zero
}

// dataPhases splits the gradient by the input: for stride 1 there is one part, the filter turned.
func (s ConvShape) dataPhases() []dataPhase {
	var phases []dataPhase
	for a := range min(s.Stride, s.H) {
		rows := tapsOf(a, s.R, s.Stride, s.Pad)
		for b := range min(s.Stride, s.W) {
			phases = append(phases, s.dataPhase(a, b, rows, tapsOf(b, s.S, s.Stride, s.Pad)))
		}
	}
	return phases
}

func (s ConvShape) dataPhase(a, b int, rows, cols []tapPair) dataPhase {
	ph := dataPhase{
		g: correlation{
			n: s.N, h: s.P(), w: s.Q(), c: s.K, step: 1, r: len(rows), s: len(cols),
			p: blocks(s.H-a, s.Stride), q: blocks(s.W-b, s.Stride), k: s.C,
			base: (a*s.W + b) * s.C, rowStep: s.Stride * s.W * s.C, colStep: s.Stride * s.C, imageStep: s.H * s.W * s.C,
		},
		empty: len(rows) == 0 || len(cols) == 0,
	}
	if ph.empty {
		return ph
	}
	ph.g.top, ph.g.left = -rows[0].reach, -cols[0].reach
	for _, r := range rows {
		for _, c := range cols {
			ph.taps = append(ph.taps, r.tap*s.S+c.tap)
		}
	}
	return ph
}

// panels is the filter of a phase, channels exchanged.
func (ph *dataPhase) panels(k *table) panels {
	return panels{cols: ph.g.k, depth: ph.g.depth(), table: k}
}

// pack fills panel i from w (R,S,C,K).
func (ph *dataPhase) pack(packed, w []float32, b panels, i int) {
	n0, n1 := block(b.cols, b.nr, i)
	dst := b.panel(packed, i)
	c, k := ph.g.k, ph.g.c
	one := panels{depth: k, table: b.table}
	for j, tap := range ph.taps {
		one.packTransposed(dst[j*k*b.nr:][:k*b.nr], w[(tap*c+n0)*k:], k, n1-n0)
	}
}

// backwardData computes dx phase by phase.
func (c *Conv) backwardData(dx, dy, w []float32) {
	for i := range c.phases {
		ph := &c.phases[i]
		if ph.empty {
			ph.clear(c.e, dx)
			continue
		}
		b := ph.panels(c.e.k)
		packed := c.e.shared[:b.size()]
		c.e.each(b.count(), func(_ *worker, i int) { ph.pack(packed, w, b, i) })
		ph.g.run(c.e, dx, dy, packed, b, Epilogue{})
	}
}

// clear makes the pixels of the phase zero.
func (ph *dataPhase) clear(e *Engine, dx []float32) {
	g := &ph.g
	e.each(g.n*g.p, func(_ *worker, i int) {
		row := dx[i/g.p*g.imageStep+g.base+i%g.p*g.rowStep:]
		for q := range g.q {
			clear(row[q*g.colStep:][:g.k])
		}
	})
}
