package eval

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"supcon/pkg/kernel"
)

// preconditioner is the upper triangle R with RᵀR = Σ/C + (λ/n)·I, Σ = XᵀX/n: the
// Hessian of logistic at W = 0, where every class is equally likely. In U = R·W
// the objective is nearly round there, and L-BFGS needs a tenth of the
// iterations that correlated features cost it in W. The minimum is the same.
type preconditioner struct{ r blas64.Triangular }

// covariance returns XᵀX/n of x (n, d).
func covariance(e *kernel.Engine, x []float32, n, d int) *mat.SymDense {
	sum := make([]float64, d*d)
	product := make([]float32, d*d)
	for lo := 0; lo < n; lo += rowBlock {
		rows := min(n, lo+rowBlock) - lo
		block := x[lo*d : (lo+rows)*d]
		e.Gemm(kernel.GemmShape{M: d, N: d, K: rows, TransA: true}, product, block, block)
		for i, v := range product {
			sum[i] += float64(v)
		}
	}
	sigma := mat.NewSymDense(d, sum) // takes the upper triangle
	sigma.ScaleSym(1/float64(n), sigma)
	return sigma
}

// minRidge keeps Σ, whose entries carry float32 rounding errors, positive definite.
const minRidge = 1e-5

func newPreconditioner(sigma *mat.SymDense, classes int, decay float64) *preconditioner {
	d := sigma.SymmetricDim()
	for ridge := max(decay, minRidge/float64(classes)); ; ridge *= 10 {
		a := mat.NewSymDense(d, nil)
		a.ScaleSym(1/float64(classes), sigma)
		for i := range d {
			a.SetSym(i, i, a.At(i, i)+ridge)
		}
		var cholesky mat.Cholesky
		if cholesky.Factorize(a) {
			var r mat.TriDense
			cholesky.UTo(&r)
			return &preconditioner{r.RawTriangular()}
		}
	}
}

// toWeights turns U (d, C) into W = R⁻¹·U.
func (p *preconditioner) toWeights(u []float64, c int) { p.solve(blas.NoTrans, u, c) }

// toGradient turns ∂f/∂W into ∂f/∂U = R⁻ᵀ·∂f/∂W.
func (p *preconditioner) toGradient(g []float64, c int) { p.solve(blas.Trans, g, c) }

func (p *preconditioner) solve(t blas.Transpose, b []float64, c int) {
	blas64.Trsm(blas.Left, t, 1, p.r, blas64.General{Rows: p.r.N, Cols: c, Stride: c, Data: b})
}

// fromWeights turns W into U = R·W.
func (p *preconditioner) fromWeights(w []float64, c int) {
	blas64.Trmm(blas.Left, blas.NoTrans, 1, p.r, blas64.General{Rows: p.r.N, Cols: c, Stride: c, Data: w})
}
