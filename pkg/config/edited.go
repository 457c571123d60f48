package config

import (
	"fmt"
	"slices"
)

// Settings returns, as text by key, what the weights after a step of the run
// depend on: every setting but those tagged free, among them the paths of the
// images, which a checkpoint knows in another way. Of the length only the unit in
// use is told.
func (r Run) Settings() map[string]string {
	settings := map[string]string{}
	for _, f := range fields(&r) {
		if f.free || slices.Contains(lengths, f.key) && f.key != r.length() {
			continue
		}
		settings[f.key] = flagValue{f.value}.String()
	}
	return settings
}

// Edited tells, in the order of declaration, which settings of r are not those of
// saved, which an earlier Settings gave: "temperature 0.1 (now 0.2)". A setting
// that the program did not have then counts as unchanged.
func (r Run) Edited(saved map[string]string) []string {
	now := r.Settings()
	var edited []string
	for _, key := range Keys() {
		before, had := saved[key]
		value, has := now[key]
		if !has { // a length in another unit
			value = r.length() + " " + now[r.length()]
		}
		if had && value != before {
			edited = append(edited, fmt.Sprintf("%s %s (now %s)", key, before, value))
		}
	}
	return edited
}

// length is the key of the unit in which the length of the run is given.
func (r Run) length() string {
	switch {
	case r.Minutes > 0:
		return "minutes"
	case r.Steps > 0:
		return "steps"
	}
	return "epochs"
}
