package config

import (
	"strconv"
	"strings"

	"supcon/pkg/fault"
)

// Phase is a part of a run at one size of view: from its first step on.
type Phase struct {
	Size, From int
}

// Phases cuts a run of so many steps by early_sizes: at least one phase, the last of image_size, each
// with at least one step. image_size has to be known by now.
func (r Run) Phases(steps int) ([]Phase, error) {
	var phases []Phase
	from, before := 0, 0.0
	for _, text := range strings.FieldsFunc(r.EarlySizes, func(c rune) bool { return c == ',' || c == ' ' }) {
		left, right, _ := strings.Cut(text, ":")
		size, sizeErr := strconv.Atoi(left)
		until, untilErr := strconv.ParseFloat(right, 64)
		if sizeErr != nil || untilErr != nil || size < 1 || size > maxImageSize || !(until > before && until <= 1) {
			return nil, fault.Usage.Errorf("config: early_sizes has %q, which is no SIZE:UNTIL with a size in pixels and a rising share of the run up to 1; give pairs like 16:0.3,24:0.6", text)
		}
		if end := int(until * float64(steps)); end > from {
			phases = append(phases, Phase{size, from})
			from = end
		}
		before = until
	}
	if from < steps || len(phases) == 0 {
		phases = append(phases, Phase{r.ImageSize, from})
	}
	return phases, nil
}
