package dataset

import "math"

// shapes are the classes of the sample set, sorted by name. inside says whether
// a point belongs to the shape, which lies in the unit circle or not far
// outside it, v pointing down.
var shapes = []struct {
	name   string
	inside func(u, v float64) bool
}{
	{"arrow", func(u, v float64) bool {
		shaft := u > -0.95 && u < 0.2 && math.Abs(v) < 0.22
		head := u >= 0.05 && math.Abs(v) < 0.9*(0.98-u)
		return shaft || head
	}},
	{"checks", func(u, v float64) bool {
		return max(math.Abs(u), math.Abs(v)) < 0.84 && (band(u, 4)+band(v, 4))%2 == 0
	}},
	{"circle", func(u, v float64) bool { return math.Hypot(u, v) < 0.9 }},
	{"cross", func(u, v float64) bool {
		return min(math.Abs(u), math.Abs(v)) < 0.28 && max(math.Abs(u), math.Abs(v)) < 0.95
	}},
	{"heart", func(u, v float64) bool {
		x, y := 1.25*u, 0.15-1.25*v
		a := x*x + y*y - 1
		return a*a*a < x*x*y*y*y
	}},
	{"ring", func(u, v float64) bool {
		r := math.Hypot(u, v)
		return r > 0.52 && r < 0.95
	}},
	{"square", func(u, v float64) bool { return max(math.Abs(u), math.Abs(v)) < 0.78 }},
	{"star", insideStar},
	{"stripes", func(u, v float64) bool {
		return max(math.Abs(u), math.Abs(v)) < 0.84 && band(u, 5)%2 == 0
	}},
	{"triangle", func(u, v float64) bool { return v < 0.5 && math.Sqrt(3)*math.Abs(u)-v < 1 }},
}

// SynthClasses names the classes of the sample set.
func SynthClasses() []string {
	names := make([]string, len(shapes))
	for i, s := range shapes {
		names[i] = s.name
	}
	return names
}

// band numbers n equal bands from -0.84 to 0.84.
func band(x float64, n int) int { return int(math.Floor((x + 0.84) / 1.68 * float64(n))) }

// insideStar is a five-pointed star: within a tenth of the circle its edge is
// the line from an outer corner to an inner one.
func insideStar(u, v float64) bool {
	const outer, inner, tenth = 1.05, 0.42, math.Pi / 5
	angle := math.Mod(math.Atan2(u, -v)+2*math.Pi, 2*tenth)
	angle = min(angle, 2*tenth-angle) // 0 at an outer corner, tenth at an inner one
	r := math.Hypot(u, v)
	x, y := r*math.Cos(angle), r*math.Sin(angle)
	ex, ey := inner*math.Cos(tenth)-outer, inner*math.Sin(tenth)
	return ex*y-ey*(x-outer) > 0
}
