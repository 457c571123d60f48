package config

import (
	"strings"
	"testing"
)

func TestEdited(t *testing.T) {
	start := Default()
	start.Data = "images"
	for name, c := range map[string]struct {
		change func(*Run)
		want   string
	}{
		"nothing":       {func(*Run) {}, ""},
		"free settings": {func(r *Run) { r.Data, r.Threads, r.Keep, r.CacheMem, r.EarlyStop = "moved", 7, 9, 0, 3 }, ""},
		"two":           {func(r *Run) { r.Nesterov, r.Temperature = true, 0.2 }, "temperature 0.1 (now 0.2), nesterov false (now true)"},
		"length":        {func(r *Run) { r.Epochs = 7 }, "epochs 100 (now 7)"},
		"unit":          {func(r *Run) { r.Steps = 7 }, "epochs 100 (now steps 7)"},
		"unused unit":   {func(r *Run) { r.Steps, r.Epochs, r.Minutes = 7, 3, 2 }, "epochs 100 (now minutes 2)"},
	} {
		now := start
		c.change(&now)
		if got := strings.Join(now.Edited(start.Settings()), ", "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if edited := now.Edited(nil); edited != nil {
			t.Errorf("%s: %q against a checkpoint that says nothing", name, edited)
		}
	}
	saved := start.Settings()
	delete(saved, "temperature") // a program without it
	saved["colour"] = "blue"     // and one with more
	now := start
	now.Temperature = 0.2
	if edited := now.Edited(saved); edited != nil {
		t.Errorf("settings of another version count as edited: %q", edited)
	}
}
