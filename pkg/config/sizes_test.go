package config

import (
	"slices"
	"strings"
	"testing"

	"supcon/pkg/fault"
)

func TestPhases(t *testing.T) {
	for _, c := range []struct {
		early string
		steps int
		want  []Phase
	}{
		{"", 100, []Phase{{32, 0}}},
		{"", 0, []Phase{{32, 0}}},
		{"16:0.3,24:0.6", 100, []Phase{{16, 0}, {24, 30}, {32, 60}}},
		{"16:0.3 24:0.6", 10, []Phase{{16, 0}, {24, 3}, {32, 6}}},
		{"16:0.3,24:0.6", 3, []Phase{{24, 0}, {32, 1}}}, // a phase needs a step
		{"16:1", 5, []Phase{{16, 0}}},
		{"16:0.5", 0, []Phase{{32, 0}}},
	} {
		r := Run{ImageSize: 32, EarlySizes: c.early}
		got, err := r.Phases(c.steps)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q over %d steps: %v, %v; want %v", c.early, c.steps, got, err, c.want)
		}
	}
	for _, wrong := range []string{"16", "16:", "a:0.5", "16:0", "16:1.5", "16:nan", "0:0.5", "9999:0.5", "16:0.6,24:0.3"} {
		_, err := (Run{ImageSize: 32, EarlySizes: wrong}).Phases(10)
		if fault.Of(err) != fault.Usage || err == nil || !strings.Contains(err.Error(), "early_sizes") {
			t.Errorf("%q: error %v", wrong, err)
		}
	}
}
