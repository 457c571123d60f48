package train

import (
	"math"
	"strings"
	"testing"

	"supcon/pkg/op"
)

func TestWatchTellsOfADeadRunOnce(t *testing.T) {
	two, one := []int{0, 1, 0, 1}, []int{0, 0, 0, 0}
	collapsed := math.Log(3)
	for name, c := range map[string]struct {
		loss, spread float64
		contrastive  bool
		groups       []int
		want         string
	}{
		"collapsed":            {collapsed * 0.995, 0.5, true, two, "same vector"},
		"learning":             {collapsed * 0.95, 0.5, true, two, ""},
		"one class a batch":    {collapsed * 0.995, 0.5, true, one, ""},
		"on one point":         {collapsed * 0.9, 0.05, true, two, "nearly on one point"},
		"classifier at chance": {math.Log(5), 0, false, two, "same vector"},
		"classifier learns":    {1.2, 0, false, two, ""},
	} {
		w := newWatch(c.contrastive, 4, 5, 7)
		var told []string
		for step := range 7 + 3*watchSteps {
			verdict := w.look(step, op.LossValue{Unscaled: c.loss, Spread: c.spread}, c.contrastive, c.groups)
			if verdict != "" {
				told = append(told, verdict)
				if want := 7 + watchSteps - 1; step != want {
					t.Errorf("%s: told after step %d, want %d", name, step, want)
				}
			}
		}
		if (c.want == "") != (len(told) == 0) || len(told) > 1 || len(told) == 1 && !strings.Contains(told[0], c.want) {
			t.Errorf("%s: told %q, want %q once", name, told, c.want)
		}
	}
}

func TestWatchNeedsALastingPlateau(t *testing.T) {
	w := newWatch(true, 4, 0, 0)
	for step := range 5 * watchSteps {
		v := op.LossValue{Unscaled: math.Log(3), Spread: 1}
		if step%watchSteps > watchSteps/2 {
			v.Unscaled = 0.5
		}
		if verdict := w.look(step, v, true, []int{0, 1}); verdict != "" {
			t.Fatalf("step %d: %s", step, verdict)
		}
	}
}
