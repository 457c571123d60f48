package loss

import (
	"errors"
	"math"
	"testing"

	"supcon/pkg/internal/numtest"
	"supcon/pkg/kernel"
)

// goldenCase is one case of supcon_loss.json.
type goldenCase struct {
	Name, Variant, Method string
	ContrastMode          string `json:"contrast_mode"`
	N, V, D               int
	Temperature           float64
	BaseTemperature       float64       `json:"base_temperature"`
	NormalizedInside      bool          `json:"normalized_inside"`
	Labels                []int         // nil for SimCLR
	Z, Features           numtest.Array // (N,V,D)
	Loss                  float64
	GradZ                 numtest.Array `json:"grad_z"`
	GradFeatures          numtest.Array `json:"grad_features"`
	PerAnchor             []float64     `json:"per_anchor_unscaled"`
}

func goldenCases(t *testing.T) []goldenCase {
	var golden struct{ Cases []goldenCase }
	numtest.Golden(t, "supcon_loss.json", &golden)
	if len(golden.Cases) == 0 {
		t.Fatal("no case in the file")
	}
	return golden.Cases
}

func (c goldenCase) config() Config {
	cfg := Config{SupCon, c.Temperature, c.BaseTemperature}
	switch {
	case c.Variant == "in":
		cfg.Variant = SupConIn
	case c.Method == "SimCLR":
		cfg.Variant = SimCLR
	}
	return cfg
}

func (c goldenCase) groups() []int {
	groups := make([]int, c.N*c.V)
	if c.Labels == nil {
		Groups(groups, SimCLR, make([]int, c.N))
	} else {
		Groups(groups, SupCon, c.Labels)
	}
	return groups
}

func (c goldenCase) anchors() int {
	if c.ContrastMode == "one" {
		return c.N
	}
	return c.N * c.V
}

// rows puts an (N,V,D) array into view-major rows.
func rows(a numtest.Array) numtest.Array { return a.Permute(1, 0, 2) }

// throughNormalisation takes ∂L/∂features to ∂L/∂z for features = z/‖z‖.
func throughNormalisation(z, features, grad []float64, d int) []float64 {
	out := make([]float64, len(z))
	for at := 0; at < len(z); at += d {
		norm := math.Sqrt(numtest.Dot(z[at:at+d], z[at:at+d]))
		along := numtest.Dot(features[at:at+d], grad[at:at+d])
		for k := at; k < at+d; k++ {
			out[k] = (grad[k] - along*features[k]) / norm
		}
	}
	return out
}

// check compares one implementation's loss and ∂L/∂features with the stored
// ones. average is how much larger the program's mean is than the reference's,
// which counts anchors without positives.
func (c goldenCase) check(t *testing.T, loss, average float64, grad []float64, lossTol, gradTol numtest.Tolerance) {
	t.Helper()
	scaled := func(a numtest.Array) []float64 {
		a = rows(a)
		for i := range a.Data {
			a.Data[i] *= average
		}
		return a.Data
	}
	numtest.CloseTo(t, "loss", loss, c.Loss*average, lossTol)
	numtest.Close(t, "grad_features", grad, scaled(c.GradFeatures), gradTol)
	if c.NormalizedInside {
		z, features := rows(c.Z).Data, rows(c.Features).Data
		numtest.Close(t, "grad_z", throughNormalisation(z, features, grad, c.D), scaled(c.GradZ), gradTol)
	}
}

func TestGoldenNaive(t *testing.T) {
	for _, c := range goldenCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			r, err := Naive(c.config(), rows(c.Features).Data, c.groups(), c.D, 0, c.anchors())
			if c.Loss == 0 {
				if !errors.Is(err, ErrNoPositives) {
					t.Errorf("error %v, want ErrNoPositives", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c.check(t, r.Loss, float64(c.anchors())/float64(r.Anchors), r.DZ, numtest.Float64, numtest.Float64)
			if c.PerAnchor != nil {
				numtest.Close(t, "per anchor", r.PerAnchor, c.PerAnchor, numtest.Float64)
			}
		})
	}
}

func TestGoldenFloat32(t *testing.T) {
	for _, branch := range kernel.Branches() {
		e, err := kernel.New(kernel.Options{Threads: 2, Branch: branch})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range goldenCases(t) {
			t.Run(string(branch)+"/"+c.Name, func(t *testing.T) {
				l, err := New(e, c.config())
				if err != nil {
					t.Fatal(err)
				}
				v, err := l.Forward(rows(c.Features).Float32(), c.groups(), c.D, 0, c.anchors())
				if c.Loss == 0 {
					if !errors.Is(err, ErrNoPositives) {
						t.Errorf("error %v, want ErrNoPositives", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				dz := make([]float32, len(c.Features.Data))
				if err := l.Backward(dz); err != nil {
					t.Fatal(err)
				}
				grad := make([]float64, len(dz))
				for i, x := range dz {
					grad[i] = float64(x)
				}
				c.check(t, v.Loss, float64(c.anchors())/float64(v.Anchors), grad, numtest.LossFloat32, numtest.GradFloat32)
			})
		}
	}
}
