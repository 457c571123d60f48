package kernel

import (
	"math"
	"testing"
)

var lengths = []int{1, 7, 16, 33, 64, 131, 1000, 40001}

func TestElementwise(t *testing.T) {
	eachBranch(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		for _, n := range lengths {
			m := newMaker(uint64(n))
			a, b := m.random(n), m.random(n)
			relu, grad, sum := m.empty(n), m.empty(n), m.empty(n)
			e.ReLUForward(relu, a)
			e.ReLUBackward(grad, b, relu)
			e.Add(sum, a, b)
			for i := range a {
				wantGrad := b[i]
				if a[i] <= 0 {
					wantGrad = 0
				}
				if relu[i] != max(a[i], 0) || grad[i] != wantGrad || sum[i] != a[i]+b[i] {
					t.Fatalf("n=%d element %d: relu %g gradient %g sum %g of a=%g b=%g", n, i, relu[i], grad[i], sum[i], a[i], b[i])
				}
			}
			m.check(t)
		}
	})
}

func TestColumns(t *testing.T) {
	eachBranch(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		for _, n := range [][2]int{{1, 1}, {5, 3}, {1100, 16}, {700, 65}, {9, 130}} {
			rows, c := n[0], n[1]
			m := newMaker(uint64(rows))
			x, bias, sums := m.random(rows*c), m.random(c), m.empty(c)
			wantSums, want := make([]float64, c), make([]float64, rows*c)
			for i, v := range x {
				wantSums[i%c] += float64(v)
				want[i] = float64(v + bias[i%c])
			}
			e.ColumnSums(rows, c, sums, x)
			e.AddBias(rows, c, x, bias)
			near(t, "sums", sums, wantSums, 1e-5)
			near(t, "biased", x, want, 0)
			m.check(t)
		}
	})
}

func TestL2Normalize(t *testing.T) {
	const rows = 5
	eachBranch(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		for _, d := range []int{1, 8, 19, 128, 200} {
			m := newMaker(uint64(d))
			x, dy := m.random(rows*d), m.random(rows*d)
			clear(x[:d]) // a row of zeros
			y, dx, norm := m.empty(rows*d), m.empty(rows*d), m.empty(rows)
			e.L2NormalizeForward(rows, d, y, x, norm)
			e.L2NormalizeBackward(rows, d, dx, dy, y, norm)
			for r := range rows {
				checkUnitRow(t, x[r*d:][:d], y[r*d:][:d], dy[r*d:][:d], dx[r*d:][:d])
			}
			m.check(t)
		}
	})
}

func checkUnitRow(t *testing.T, x, y, dy, dx []float32) {
	t.Helper()
	var square, along float64
	for i, v := range x {
		square += float64(v) * float64(v)
		along += float64(dy[i]) * float64(v)
	}
	norm := max(math.Sqrt(square), 1e-12)
	wantY, wantDx := wide(x), wide(dy)
	var scale float64
	for i, v := range x {
		wantY[i] /= norm
		scale = max(scale, math.Abs(wantDx[i]/norm))
		wantDx[i] = (wantDx[i] - float64(v)*along/norm/norm) / norm
	}
	near(t, "unit row", y, wantY, 1e-6)
	for i, v := range wantDx {
		if d := math.Abs(float64(dx[i]) - v); !(d <= 2e-6*scale) {
			t.Fatalf("gradient %d of %d is %g, want %g", i, len(x), dx[i], v)
		}
	}
}

func TestLerp(t *testing.T) {
	const alpha = 0.001
	eachBranch(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		for _, n := range lengths {
			m := newMaker(uint64(n))
			y, x := m.random(n), m.random(n)
			want := wide(y)
			for i := range want {
				want[i] += alpha * (float64(x[i]) - want[i])
			}
			e.Lerp(y, alpha, x)
			near(t, "towards", y, want, 1e-7)
			same := append([]float32{}, y...)
			e.Lerp(y, alpha, same)
			sameBits(t, "no way to go", y, same)
			m.check(t)
		}
	})
}

func TestNorm2(t *testing.T) {
	m := newMaker(1)
	for _, n := range lengths {
		x := m.random(n)
		var want float64
		for _, v := range x {
			want += float64(v) * float64(v)
		}
		eachBranch(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
			if got := e.Norm2(x); !(math.Abs(got-want) <= 1e-6*want) {
				t.Fatalf("n=%d: %g, want %g", n, got, want)
			}
		})
	}
	x := m.random(50001)
	threadsAgree(t, func(e *Engine) []float32 {
		bits := math.Float64bits(e.Norm2(x))
		return []float32{math.Float32frombits(uint32(bits)), math.Float32frombits(uint32(bits >> 32))}
	})
}

func TestRows(t *testing.T) {
	eachBranch(t, Options{Threads: 1}, func(t *testing.T, e *Engine) {
		for _, n := range lengths {
			m := newMaker(uint64(n))
			x, y, dst := m.random(n), m.random(n), m.empty(n)
			for i := range x {
				x[i] *= 8
			}
			top := e.MaxRow(x)
			const scale = 1.7
			sum := e.ExpSumRow(dst, x, scale, top)
			want, total, dot, wantY := make([]float64, n), 0.0, 0.0, wide(y)
			for i, v := range x {
				if v > top {
					t.Fatalf("n=%d: maximum %g is below %g", n, top, v)
				}
				want[i] = math.Exp(scale * (float64(v) - float64(top)))
				total += want[i]
				dot += float64(v) * float64(y[i])
				wantY[i] -= 2.5 * float64(v)
			}
			near(t, "exp", dst, want, 3e-6)
			near(t, "sum", []float32{sum}, []float64{total}, 3e-6)
			if got := float64(e.Dot(x, y)); !(math.Abs(got-dot) <= 1e-5*8*float64(n)) {
				t.Fatalf("n=%d: dot %g, want %g", n, got, dot)
			}
			e.Axpy(y, -2.5, x)
			near(t, "axpy", y, wantY, 1e-6)
			e.ScaleRow(y, 0.5)
			for i := range wantY {
				wantY[i] *= 0.5
			}
			near(t, "scaled", y, wantY, 1e-6)
			m.check(t)
		}
	})
}

func TestExpSumRowOfWideArguments(t *testing.T) {
	eachBranch(t, Options{Threads: 1}, func(t *testing.T, e *Engine) {
		x := []float32{0, -1e-3, -0.3, -1, -5, -20, -60, -80, -1000, -3e38, 0, -40, -2, -7, -9, -11, -13, -86}
		dst := make([]float32, len(x))
		e.ExpSumRow(dst, x, 1, 0)
		for i, v := range x {
			want := math.Exp(float64(v))
			if d := math.Abs(float64(dst[i]) - want); !(d <= 5e-7*want+1e-38) {
				t.Errorf("exp(%g) = %g, want %g", v, dst[i], want)
			}
		}
	})
}
