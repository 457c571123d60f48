// Package model holds the encoders and heads by name, the nets made of them,
// and the graphs that train and run them.
package model

import (
	"fmt"
	"slices"

	"supcon/pkg/fault"
)

// Spec says which net: it stands in every checkpoint, so that no configuration
// is needed to load one.
type Spec struct {
	Name    string `json:"name"`              // encoder, one of Names()
	Stem    string `json:"stem"`              // "3x3", or "7x7" with stride 2 and a max-pool for large images
	Head    string `json:"head,omitempty"`    // projection, one of Heads(); none with Classes
	ProjDim int    `json:"proj_dim"`          // D, width of the projection
	Classes int    `json:"classes,omitempty"` // above 0: a classifier in the projection's place, for cross-entropy
}

// Stems and heads.
const (
	SmallStem = "3x3"
	LargeStem = "7x7"
	MLP       = "mlp"
	MLPNorm   = "mlp-bn" // with batch norms, as SimCLR has it (Chen et al. 2020, arXiv 2002.05709)
	Linear    = "linear"
)

// Heads lists the projection heads.
func Heads() []string { return []string{MLP, MLPNorm, Linear} }

// largeImage is the side in pixels from which on the large stem is the usual
// one.
const largeImage = 65

// Names lists the encoders.
func Names() []string {
	names := make([]string, len(architectures))
	for i, a := range architectures {
		names[i] = a.name
	}
	return names
}

// ForImages returns the spec with the stem that suits images of this size, if
// none is given.
func (s Spec) ForImages(size int) Spec {
	if s.Stem != "" {
		return s
	}
	s.Stem = SmallStem
	if a, ok := find(s.Name); ok && a.largeStem && size >= largeImage {
		s.Stem = LargeStem
	}
	return s
}

// String is the spec's one name in logs, results and files.
func (s Spec) String() string {
	name := s.Name
	if s.Stem != "" && s.Stem != SmallStem {
		name += "-stem" + s.Stem
	}
	if s.Classes > 0 {
		return fmt.Sprintf("%s-classifier%d", name, s.Classes)
	}
	return fmt.Sprintf("%s-%s%d", name, s.Head, s.ProjDim)
}

// Check returns an error of kind fault.Usage that says what is wrong, or nil.
func (s Spec) Check() error {
	a, ok := find(s.Name)
	switch {
	case !ok:
		return fault.Usage.Errorf("model: there is no model %q, only %v%s", s.Name, Names(), fault.DidYouMean(s.Name, Names()))
	case s.Stem != SmallStem && s.Stem != LargeStem:
		return fault.Usage.Errorf("model: there is no stem %q, only %s and %s", s.Stem, SmallStem, LargeStem)
	case s.Stem == LargeStem && !a.largeStem:
		return fault.Usage.Errorf("model: %s has no %s stem; it is for small images", s.Name, LargeStem)
	case s.Classes < 0:
		return fault.Usage.Errorf("model: a classifier of %d classes", s.Classes)
	case s.Classes > 0:
		return nil
	case !slices.Contains(Heads(), s.Head):
		return fault.Usage.Errorf("model: there is no projection head %q, only %v%s", s.Head, Heads(), fault.DidYouMean(s.Head, Heads()))
	case s.ProjDim < 1:
		return fault.Usage.Errorf("model: the projection has %d dimensions; it needs at least 1", s.ProjDim)
	}
	return nil
}

// CheckSize returns an error of kind fault.Usage when images of size×size pixels
// are too small for the encoder.
func (s Spec) CheckSize(size int) error {
	a, _ := find(s.Name)
	if least := a.leastSize(); size < least {
		return fault.Usage.Errorf("model: %s takes images of at least %d pixels a side, not %d; give a larger --image-size", s.Name, least, size)
	}
	return nil
}
