package kernel

import "math"

// Winograd's F(4×4,3×3): a tile of 4×4 outputs costs 36 products instead of 144. Tiles of the input are
// taken to 36 frequencies, at each frequency the channels are a matrix product, and the result is
// taken back. The transforms are exact in the reals; in float32 they cost one decimal place.

const (
	tileOut     = 4  // pixels of an output tile, each way
	tileIn      = 6  // pixels of an input tile
	frequencies = 36 // tileIn²
	leastWide   = 16 // channels on both sides below which the transforms cost more than they save
)

// winogradPlan is one direction of a convolution done by tiles: from (h,w,c) to (p,q,k).
type winogradPlan struct {
	n, h, w, c int
	p, q, k    int
	pad        int
	down, wide int // tiles of an image
	ldv, ldm   int // from tile to tile at one frequency, of the input and of the output
	chunk      int // tiles that go through all three steps together
	u          panels
}

// usesWinograd says whether tiles are the better way: they must not be mostly outside the image.
func (c *Conv) usesWinograd() bool {
	s := c.s
	if c.e.direct || s.R != 3 || s.S != 3 || s.Stride != 1 || s.C < leastWide || s.K < leastWide {
		return false
	}
	tiles := blocks(s.P(), tileOut) * blocks(s.Q(), tileOut)
	return 2*s.P()*s.Q()*s.R*s.S > 3*tiles*frequencies
}

func (e *Engine) planWinograd(n, h, w, c, p, q, k, pad int) *winogradPlan {
	return &winogradPlan{
		n: n, h: h, w: w, c: c, p: p, q: q, k: k, pad: pad,
		down: blocks(p, tileOut), wide: blocks(q, tileOut),
		ldv: spaced(c), ldm: spaced(blocks(k, e.k.nr) * e.k.nr),
		chunk: winogradChunk(c, k, e.k.mr),
		u:     panels{cols: k, depth: c, table: e.k},
	}
}

// spaced is n rounded up to whole cache lines, an odd number of them where there are many: rows that
// lie a power of two apart fall on few places of the cache and push each other out.
func spaced(n int) int {
	lines := blocks(n, 16)
	if lines >= 8 {
		lines |= 1
	}
	return 16 * lines
}

// winogradChunk is how many tiles a thread takes at once. Each chunk streams all transformed filters
// through, so it should be large; its own data should stay in the second cache, so it should be small.
func winogradChunk(c, k, mr int) int {
	rows := 28 * max(1, 128/(c+k))
	if c*k > 256*256 {
		rows = 84
	}
	return blocks(rows, mr) * mr
}

func (g *winogradPlan) tiles() int { return g.n * g.down * g.wide }

// strideV and strideM are the distances between frequencies: a line more than the chunk, or the 36
// stores of a transform would fall on one place of the cache.
func (g *winogradPlan) strideV() int { return g.chunk*g.ldv + 16 }
func (g *winogradPlan) strideM() int { return g.chunk*g.ldm + 16 }
func (g *winogradPlan) strideU() int { return g.u.size() + 16 }
func (g *winogradPlan) private() int { return frequencies*(g.strideV()+g.strideM()) + g.k }

// nowhere is the room for the rows of an output tile that lie outside the image.
func (g *winogradPlan) nowhere() int { return tileOut * g.k }
func (g *winogradPlan) sharedU() int { return frequencies * g.strideU() }

// place finds tile t: its image and the top left output pixel.
func (g *winogradPlan) place(t int) (n, p, q int) {
	return t / (g.down * g.wide), t / g.wide % g.down * tileOut, t % g.wide * tileOut
}

// set makes the window the size×size pixels from (top,left) on in the image h×w×c that begins at base.
func (win *tileWindow) set(size, base, top, left, h, w, c, outside int) {
	win.step, win.cols, win.down = c, 0, tileOut*w*c
	for i := range size {
		win.rows[i] = outside
		if y := top + i; y >= 0 && y < h {
			win.rows[i] = base + (y*w+left)*c
		}
		if x := left + i; x >= 0 && x < w {
			win.cols |= 1 << i
		}
	}
}

// taps makes the window a 3×3 filter's taps, which lie step apart, from base on.
func (win *tileWindow) taps(base, step int) {
	win.step, win.cols = step, 7
	for i := range 3 {
		win.rows[i] = base + 3*i*step
	}
}

// The floors of an epilogue's clamp: none, and ReLU.
var (
	noFloor   = filled(16, float32(math.Inf(-1)))
	zeroFloor = make([]float32, 16)
)

func filled(n int, v float32) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = v
	}
	return s
}
