package dataset

import (
	"context"
	"crypto/sha256"
	"fmt"
)

// Report says what is odd about the images of a set. Lists are in its order.
type Report struct {
	Images int
	// Broken are the images that cannot be read or decoded.
	Broken []Finding
	// Duplicates are the positions of images that are the same, byte for byte,
	// as groups of two and more.
	Duplicates [][]int
	// Tiny have a shorter side under 16 pixels; Extreme are more than four times
	// as long as wide, or the other way round.
	Tiny, Extreme []Finding
	// MedianShorterSide is of the readable pictures, in pixels; ImageSize is the
	// side that suits it. Both are 0 when no picture is readable.
	MedianShorterSide, ImageSize int
}

// Finding is what was found about one image.
type Finding struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

const (
	tinySide     = 16
	extremeRatio = 4
)

// Check decodes every image of s with the given number of goroutines. Broken
// images are findings, not errors; the error is the context's.
func Check(ctx context.Context, s *Set, workers int) (*Report, error) {
	found := make([]inspection, s.Len())
	if err := spread(ctx, s.Len(), workers, func(i int) { found[i] = s.inspect(i) }); err != nil {
		return nil, err
	}
	r := &Report{Images: s.Len()}
	var sides []int
	same := map[[sha256.Size]byte][]int{}
	for i, f := range found {
		size := Finding{s.Items[i].Path, fmt.Sprintf("%d×%d pixels", f.width, f.height)}
		switch long, short := max(f.width, f.height), min(f.width, f.height); {
		case f.err != nil:
			r.Broken = append(r.Broken, Finding{s.Items[i].Path, f.err.Error()})
			continue
		case short < tinySide:
			r.Tiny = append(r.Tiny, size)
		case long > extremeRatio*short:
			r.Extreme = append(r.Extreme, size)
		}
		same[f.hash] = append(same[f.hash], i)
		sides = append(sides, min(f.width, f.height))
	}
	if len(sides) > 0 {
		r.MedianShorterSide = median(sides)
		r.ImageSize = DefaultImageSize(r.MedianShorterSide)
	}
	for i, f := range found {
		if group := same[f.hash]; f.err == nil && len(group) > 1 && group[0] == i {
			r.Duplicates = append(r.Duplicates, group)
		}
	}
	return r, nil
}

// inspection is what Check needs of one image.
type inspection struct {
	width, height int
	hash          [sha256.Size]byte
	err           error
}

func (s *Set) inspect(i int) inspection {
	data, err := s.Read(i)
	if err != nil {
		return inspection{err: err}
	}
	img, err := s.decode(data)
	if err != nil {
		return inspection{err: err}
	}
	return inspection{width: img.Rect.Dx(), height: img.Rect.Dy(), hash: sha256.Sum256(data)}
}
