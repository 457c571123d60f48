package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// guard is what stands around every buffer of a test, so that a write or a read outside shows: a
// NaN spreads into whatever reads it, and is gone where something writes.
const (
	guardLen = 67
	guardBit = 0x7fc0beef
	// lineShift is the shift that makes a buffer begin on a cache line.
	lineShift = (16 - guardLen%16) % 16
)

// buffer is n floats between guard cells, at a chosen misalignment.
type buffer struct {
	whole []float32
	at, n int
}

func newBuffer(n, shift int) *buffer {
	b := &buffer{whole: alignedFloats(n + 2*guardLen + 16), at: guardLen + shift%16, n: n}
	for i := range b.whole {
		b.whole[i] = math.Float32frombits(guardBit)
	}
	return b
}

func (b *buffer) floats() []float32 { return b.whole[b.at : b.at+b.n : b.at+b.n] }

func (b *buffer) check(t *testing.T, name string) {
	t.Helper()
	for i, v := range b.whole {
		if (i < b.at || i >= b.at+b.n) && math.Float32bits(v) != guardBit {
			t.Fatalf("%s: guard cell %d of %d floats overwritten with %g", name, i-b.at, b.n, v)
		}
	}
}

// maker makes the buffers of one test case and checks all their guards in the end.
type maker struct {
	rng   *rand.Rand
	made  []*buffer
	shift int
}

func newMaker(seed uint64) *maker {
	rng := rand.New(rand.NewPCG(seed, 1))
	return &maker{rng: rng, shift: rng.IntN(16)}
}

// random returns n normal floats; empty returns n NaNs.
func (m *maker) random(n int) []float32 {
	x := m.empty(n)
	for i := range x {
		x[i] = float32(m.rng.NormFloat64())
	}
	return x
}

func (m *maker) empty(n int) []float32 {
	b := newBuffer(n, m.shift)
	m.shift += 5
	m.made = append(m.made, b)
	return b.floats()
}

func (m *maker) check(t *testing.T) {
	t.Helper()
	for i, b := range m.made {
		b.check(t, fmt.Sprintf("buffer %d", i))
	}
}

// relError is ‖got − want‖/‖want‖; a NaN gives NaN.
func relError(got []float32, want []float64) float64 {
	var d, w float64
	for i, v := range want {
		e := float64(got[i]) - v
		d += e * e
		w += v * v
	}
	if w == 0 {
		return math.Sqrt(d)
	}
	return math.Sqrt(d / w)
}

func near(t *testing.T, name string, got []float32, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", name, len(got), len(want))
	}
	if e := relError(got, want); !(e <= tol) {
		t.Fatalf("%s: relative error %.3g, allowed %.3g", name, e, tol)
	}
}

// nearTypical is near for sums of so many products of normal numbers: a small result, in which most
// has cancelled, is measured against what such sums typically are.
func nearTypical(t *testing.T, name string, got []float32, want []float64, tol float64, products int) {
	t.Helper()
	var d, w float64
	for i, v := range want {
		d += (float64(got[i]) - v) * (float64(got[i]) - v)
		w += v * v
	}
	if e := math.Sqrt(d / max(w, float64(len(want)*products))); !(e <= tol) {
		t.Fatalf("%s: relative error %.3g, allowed %.3g", name, e, tol)
	}
}

func sameBits(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for i, v := range want {
		if math.Float32bits(got[i]) != math.Float32bits(v) {
			t.Fatalf("%s: element %d is %x, want %x", name, i, math.Float32bits(got[i]), math.Float32bits(v))
		}
	}
}

// eachBranch runs a test on every branch that this machine has.
func eachBranch(t *testing.T, o Options, test func(t *testing.T, e *Engine)) {
	for _, b := range Branches() {
		o.Branch = b
		e, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(string(b), func(t *testing.T) { test(t, e) })
	}
}

// threadsAgree runs the same work with 1, 2 and 3 threads on each branch, and once more, and wants
// the same bits each time.
func threadsAgree(t *testing.T, work func(e *Engine) []float32) {
	for _, b := range Branches() {
		t.Run(string(b), func(t *testing.T) {
			var want []float32
			for _, threads := range []int{1, 2, 3, 2} {
				e, err := New(Options{Threads: threads, Branch: b})
				if err != nil {
					t.Fatal(err)
				}
				got := work(e)
				if want == nil {
					want = got
				}
				sameBits(t, fmt.Sprintf("%d threads", threads), got, want)
			}
		})
	}
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// naiveConv is the definition of a convolution and of its two gradients, in float64.
type naiveConv struct{ s ConvShape }

// each visits every multiply-add: the indices into y, x and w.
func (c naiveConv) each(visit func(y, x, w int)) {
	s := c.s
	for n := range s.N {
		for p := range s.P() {
			for q := range s.Q() {
				for r := range s.R {
					for v := range s.S {
						h, w := p*s.Stride+r-s.Pad, q*s.Stride+v-s.Pad
						if h < 0 || h >= s.H || w < 0 || w >= s.W {
							continue
						}
						c.tap(((n*s.P()+p)*s.Q()+q)*s.K, ((n*s.H+h)*s.W+w)*s.C, (r*s.S+v)*s.C*s.K, visit)
					}
				}
			}
		}
	}
}

func (c naiveConv) tap(y, x, w int, visit func(y, x, w int)) {
	for i := range c.s.C {
		for k := range c.s.K {
			visit(y+k, x+i, w+i*c.s.K+k)
		}
	}
}

func (c naiveConv) forward(x, w []float32) []float64 {
	y := make([]float64, c.s.sizeY())
	c.each(func(i, j, k int) { y[i] += float64(x[j]) * float64(w[k]) })
	return y
}

func (c naiveConv) backwardData(dy, w []float32) []float64 {
	dx := make([]float64, c.s.sizeX())
	c.each(func(i, j, k int) { dx[j] += float64(dy[i]) * float64(w[k]) })
	return dx
}

func (c naiveConv) backwardFilter(x, dy []float32) []float64 {
	dw := make([]float64, c.s.sizeW())
	c.each(func(i, j, k int) { dw[k] += float64(dy[i]) * float64(x[j]) })
	return dw
}
