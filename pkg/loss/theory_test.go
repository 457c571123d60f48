package loss

import (
	"math"
	"testing"

	"supcon/pkg/internal/numtest"

	"pgregory.net/rapid"
)

// drawn is a random batch in which at least one anchor has a positive.
func drawn(t *rapid.T) (z []float64, groups []int, m, d int, tau float64) {
	m, d = rapid.IntRange(3, 10).Draw(t, "m"), rapid.IntRange(2, 5).Draw(t, "d")
	z, groups = batch(rapid.Uint64().Draw(t, "seed"), m, d, rapid.IntRange(1, 4).Draw(t, "classes"))
	groups[1] = groups[0]
	return z, groups, m, d, rapid.Float64Range(0.05, 2).Draw(t, "tau")
}

func naive(t rapid.TB, v Variant, tau float64, z []float64, groups []int, d int) *Reference {
	r, err := Naive(Config{Variant: v, Temperature: tau}, z, groups, d, 0, len(groups))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Jensen's inequality, the paper's §3.2.2: the log of a mean is at least the
// mean of the logs, anchor by anchor.
func TestInIsAtMostOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z, groups, _, d, tau := drawn(t)
		in, out := naive(t, SupConIn, tau, z, groups, d), naive(t, SupCon, tau, z, groups, d)
		for i := range in.PerAnchor {
			if in.PerAnchor[i] > out.PerAnchor[i]+1e-12 {
				t.Fatalf("anchor %d: L_in = %v above L_out = %v", i, in.PerAnchor[i], out.PerAnchor[i])
			}
		}
	})
}

// Inside the log 1/|P(i)| is an additive constant, so the gradient of L_in is
// that of −log Σ_P q, which has no 1/|P(i)| in it.
func TestNormalisationInsideTheLogDoesNothing(t *testing.T) {
	z, groups := batch(5, 8, 3, 2)
	const tau = 0.2
	withoutIt := func() float64 {
		r := naive(t, SupConIn, tau, z, groups, 3)
		var sum float64
		for i := range groups {
			var positive float64
			for p, q := range r.Q[i*8 : (i+1)*8] {
				if groups[p] == groups[i] {
					positive += q
				}
			}
			sum -= math.Log(positive)
		}
		return sum / 8
	}
	in := naive(t, SupConIn, tau, z, groups, 3)
	if math.Abs(in.Loss-withoutIt()) < 0.1 {
		t.Fatalf("the two losses are the same, %v, so this shows nothing", in.Loss)
	}
	numtest.CheckGradient(t, "dropping 1/|P|", withoutIt, z, in.DZ, 1e-7)
}

// The paper's §3.2.2 again, what positives get: under L_out a hard positive
// (q_ip far below 1/|P|) is pulled with nearly 1/|P|; under L_in with q_ip
// itself (times 1/Σ_P q − 1), which is small exactly when the pair is hard.
func TestHardPositivesAreMinedByOutAndNotByIn(t *testing.T) {
	angle := func(degrees float64) []float64 {
		return []float64{math.Cos(degrees * math.Pi / 180), math.Sin(degrees * math.Pi / 180)}
	}
	var z []float64
	groups := []int{0, 0, 0, 1, 1}
	for _, a := range []float64{0, 10, 120, 60, 200} { // anchor, easy positive, hard positive, two negatives
		z = append(z, angle(a)...)
	}
	out, in := naive(t, SupCon, 0.1, z, groups, 2), naive(t, SupConIn, 0.1, z, groups, 2)
	const easy, hard = 1, 2  // row 0 of G
	const most = -1. / 2 / 5 // −c/|P|, the strongest pull there is
	if !(out.G[hard] < 0.99*most) || !(out.G[easy] > out.G[hard]/2) {
		t.Errorf("L_out: the hard positive gets %v of at most %v, the easy one %v", out.G[hard], most, out.G[easy])
	}
	if !(math.Abs(in.G[hard]) < 1e-3*math.Abs(out.G[hard])) {
		t.Errorf("L_in: the hard positive gets %v, under L_out %v", in.G[hard], out.G[hard])
	}
	q, positive := in.Q[hard], in.Q[easy]+in.Q[hard]
	numtest.CloseTo(t, "L_in's share c·q·(1 − 1/Σ_P q)", in.G[hard], q*(1-1/positive)/5, numtest.Float64)
}

// A batch of an anchor, one positive and one negative: with
// g = ‖z_a−z_p‖² − ‖z_a−z_n‖², ℓ_a = log(1 + exp(g/2τ)), a smooth triplet loss.
func TestTripletIsTheSpecialCase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.IntRange(2, 6).Draw(t, "d")
		z, _ := batch(rapid.Uint64().Draw(t, "seed"), 3, d, 1)
		tau := rapid.Float64Range(0.01, 2).Draw(t, "tau")
		r, err := Naive(Config{Variant: SupCon, Temperature: tau}, z, []int{0, 0, 1}, d, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		distance := func(j int) (sum float64) {
			for k := range d {
				sum += (z[k] - z[j*d+k]) * (z[k] - z[j*d+k])
			}
			return sum
		}
		g := distance(1) - distance(2)
		hinge := max(g, 0) / (2 * tau)
		if want := hinge + math.Log1p(math.Exp(-math.Abs(g)/(2*tau))); math.Abs(r.Loss-want) > 1e-9*max(1, want) {
			t.Fatalf("ℓ_a = %v, want log(1 + e^{g/2τ}) = %v at g = %v, τ = %v", r.Loss, want, g, tau)
		}
		if above := r.Loss - hinge; above < -1e-9*max(1, hinge) || above > math.Ln2+1e-9*max(1, hinge) {
			t.Fatalf("ℓ_a lies %v above the hinge, want 0…ln 2", above)
		}
	})
}

func TestTripletHingeIsTheColdLimit(t *testing.T) {
	z := []float64{1, 0, math.Cos(1.2), math.Sin(1.2), math.Cos(0.5), -math.Sin(0.5)}
	g := (2 - 2*math.Cos(1.2)) - (2 - 2*math.Cos(0.5))
	for _, tau := range []float64{0.1, 0.01, 0.001} {
		r, err := Naive(Config{Variant: SupCon, Temperature: tau}, z, []int{0, 0, 1}, 2, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if off := tau*r.Loss - g/2; off < -1e-12 || off > tau*math.Ln2 {
			t.Errorf("τ = %v: τ·ℓ_a = %v, the hinge g/2 = %v", tau, tau*r.Loss, g/2)
		}
	}
	// Near g = 0 the loss is linear: ln 2 + g/4τ.
	const small, tau = 1e-4, 0.5
	z = []float64{1, 0, math.Cos(1), math.Sin(1), math.Cos(1 - small), -math.Sin(1 - small)}
	g = (2 - 2*math.Cos(1)) - (2 - 2*math.Cos(1-small))
	r, _ := Naive(Config{Variant: SupCon, Temperature: tau}, z, []int{0, 0, 1}, 2, 0, 1)
	numtest.CloseTo(t, "ℓ_a near g = 0", r.Loss, math.Ln2+g/(4*tau), numtest.Tolerance{Relative: 1e-8})
}

// SimCLR is SupCon with every image its own class, and with one positive the
// place of the mean does not matter.
func TestSimCLRIsSupConOfSingletons(t *testing.T) {
	const n, d = 6, 4
	z, _ := batch(11, 2*n, d, 1)
	groups, classes := make([]int, 2*n), make([]int, 2*n)
	Groups(groups, SimCLR, make([]int, n))                 // all images of one class
	Groups(classes, SupCon, []int{10, 11, 12, 13, 14, 15}) // each its own
	simclr, supcon := naive(t, SimCLR, 0.3, z, groups, d), naive(t, SupCon, 0.3, z, classes, d)
	in := naive(t, SupConIn, 0.3, z, classes, d)
	if simclr.Loss != supcon.Loss {
		t.Errorf("SimCLR %v, SupCon of singletons %v", simclr.Loss, supcon.Loss)
	}
	numtest.Close(t, "gradient", simclr.DZ, supcon.DZ, numtest.Tolerance{})
	numtest.CloseTo(t, "L_in with one positive", in.Loss, supcon.Loss, numtest.Float64)
	numtest.Close(t, "its gradient", in.DZ, supcon.DZ, numtest.Float64)
	var byHand float64 // Eq. 1
	for i := range 2 * n {
		j := (i + n) % (2 * n)
		byHand -= math.Log(simclr.Q[i*2*n+j]) / (2 * n)
	}
	numtest.CloseTo(t, "Eq. 1", simclr.Loss, byHand, numtest.Float64)
}

func TestCollapsedEmbeddingsGiveLogOfMLess1(t *testing.T) {
	const m, d = 40, 8
	z, groups := make([]float32, m*d), make([]int, m)
	for i := range m {
		z[i*d+2] = 1
		groups[i] = i % 4
	}
	for _, variant := range Variants() {
		v, dz := run(t, engine(t, 2), Config{variant, 0.1, 0.07}, z, groups, d, 0, m)
		numtest.CloseTo(t, string(variant), v.Unscaled, math.Log(m-1), numtest.LossFloat32)
		numtest.CloseTo(t, "with τ/τ_base", v.Loss, math.Log(m-1)*0.1/0.07, numtest.LossFloat32)
		if v.Spread != 0 || v.PositiveSimilarity != 1 || v.NegativeSimilarity != 1 {
			t.Errorf("%s: spread %v, similarities %v and %v of collapsed rows", variant, v.Spread, v.PositiveSimilarity, v.NegativeSimilarity)
		}
		for i, g := range dz { // along z alone, and the same for all rows: the normalisation takes it out
			if i%d != 2 && g != 0 {
				t.Fatalf("%s: dz[%d] = %v", variant, i, g)
			}
		}
	}
}
