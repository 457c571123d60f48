package checkpoint

import (
	"fmt"
	"slices"
	"strings"

	"supcon/pkg/fault"
)

// Match tells in one sentence why tensors of a file are not those of a model:
// a name missing, a name the model does not know under a prefix that it uses
// ("encoder", "head", …: the first part of the name), or another shape. Values
// are not looked at; what lies under other prefixes, such as the optimiser's
// state when a model is only used, is nobody's mistake. The error is a fault.Checkpoint.
func (f *File) Match(model []Tensor) error {
	want := make(map[string][]int, len(model))
	prefixes := map[string]bool{}
	for _, t := range model {
		want[t.Name] = t.Shape
		prefixes[prefix(t.Name)] = true
	}
	have := make(map[string]bool, len(f.Tensors))
	var wrong, missing, unknown []string
	for _, t := range f.Tensors {
		have[t.Name] = true
		shape, known := want[t.Name]
		switch {
		case known && !slices.Equal(shape, t.Shape):
			wrong = append(wrong, fmt.Sprintf("%q is %v in the file and %v in the model", t.Name, DiskShape(t.Shape), DiskShape(shape)))
		case !known && prefixes[prefix(t.Name)]:
			unknown = append(unknown, t.Name)
		}
	}
	for _, t := range model {
		if !have[t.Name] {
			missing = append(missing, t.Name)
		}
	}
	if len(wrong)+len(missing)+len(unknown) == 0 {
		return nil
	}
	return fault.Checkpoint.Errorf("checkpoint %q is of another model: %s; choose the model it was trained with", f.Path, differences(wrong, missing, unknown))
}

func prefix(name string) string {
	first, _, _ := strings.Cut(name, ".")
	return first
}

// differences gives one example of each kind and counts the rest.
func differences(wrong, missing, unknown []string) string {
	var parts []string
	if len(wrong) > 0 {
		parts = append(parts, wrong[0]+more(wrong))
	}
	if len(missing) > 0 {
		parts = append(parts, fmt.Sprintf("%q is missing from the file%s", missing[0], more(missing)))
	}
	if len(unknown) > 0 {
		parts = append(parts, fmt.Sprintf("%q is unknown to the model%s", unknown[0], more(unknown)))
	}
	return strings.Join(parts, ", ")
}

func more(list []string) string {
	if len(list) == 1 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", len(list)-1)
}
