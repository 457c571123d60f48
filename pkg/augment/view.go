package augment

import (
	"image"

	"supcon/pkg/random"
)

// View writes a random view of img, which begins at (0, 0) and is opaque, to
// dst as (S, S, 3) float32, normalised. The view is a function of the picture
// and the stream alone: random resized crop, horizontal flip, colour jitter,
// grayscale, blur, solarisation, as far as the recipe has them.
func (r *Recipe) View(dst []float32, img *image.NRGBA, rng *random.Source) {
	p := r.draw(rng, img.Rect.Dx(), img.Rect.Dy())
	r.write(dst, img, &p)
}

// Picture is View before normalisation, as a picture of S×S pixels to look at.
func (r *Recipe) Picture(img *image.NRGBA, rng *random.Source) *image.NRGBA {
	p := r.draw(rng, img.Rect.Dx(), img.Rect.Dy())
	if r.large() {
		return r.throughImaging(img, &p)
	}
	s := r.scratch()
	defer r.release(s)
	r.render(s, img, &p)
	return s.image()
}

// Whole writes the evaluation square of img to dst as (S, S, 3) float32,
// normalised: the shorter side resized to S·8/7 (S itself when S ≤ 64), then a
// centre crop.
func (r *Recipe) Whole(dst []float32, img *image.NRGBA) {
	r.write(dst, img, &plan{})
}

// write makes a planned view and normalises it into dst.
func (r *Recipe) write(dst []float32, img *image.NRGBA, p *plan) {
	s := r.scratch()
	if r.large() {
		s.normalize(dst, r.throughImaging(img, p))
	} else {
		r.render(s, img, p)
		s.write(dst)
	}
	r.release(s)
}

// large says whether views go through imaging as a whole.
func (r *Recipe) large() bool { return r.Imaging || r.Size > fusedSide }

// render leaves the pixels of a planned small view in s.
func (r *Recipe) render(s *scratch, img *image.NRGBA, p *plan) {
	switch {
	case max(img.Rect.Dx(), img.Rect.Dy()) > fusedSide: // imaging shrinks it
		geometry := plan{crop: p.crop, flip: p.flip}
		s.load(r.throughImaging(img, &geometry))
	case p.crop.Empty():
		s.whole(img, r.Size, p.flip)
	default:
		s.resample(img, p.crop, r.Size, r.Size, p.flip)
	}
	s.color(p, r.solarizeFrom())
}

// scratch takes a free one, with the recipe's normalisation in it.
func (r *Recipe) scratch() *scratch {
	r.mutex.Lock()
	var s *scratch
	if last := len(r.free) - 1; last >= 0 {
		s, r.free = r.free[last], r.free[:last]
	}
	r.mutex.Unlock()
	if s == nil {
		s = newScratch()
	}
	if s.mean != r.Mean || s.std != r.Std {
		s.mean, s.std = r.Mean, r.Std
		for c := range 3 {
			for v := range 256 {
				s.normal[c][v] = (float32(v)/255 - r.Mean[c]) / r.Std[c]
			}
		}
	}
	return s
}

// release makes s free for another view.
func (r *Recipe) release(s *scratch) {
	r.mutex.Lock()
	r.free = append(r.free, s)
	r.mutex.Unlock()
}

// write normalises s.pix into dst, (H, W, 3).
func (s *scratch) write(dst []float32) {
	pix := s.pix
	dst = dst[:len(pix)]
	for ; len(pix) >= 3; pix, dst = pix[3:], dst[3:] {
		dst[0] = s.normal[0][pix[0]]
		dst[1] = s.normal[1][pix[1]]
		dst[2] = s.normal[2][pix[2]]
	}
}

// normalize is write for a picture that begins at (0, 0).
func (s *scratch) normalize(dst []float32, img *image.NRGBA) {
	for y := range img.Rect.Dy() {
		row := img.Pix[y*img.Stride:][:4*img.Rect.Dx()]
		for ; len(row) >= 4 && len(dst) >= 3; row, dst = row[4:], dst[3:] {
			dst[0] = s.normal[0][row[0]]
			dst[1] = s.normal[1][row[1]]
			dst[2] = s.normal[2][row[2]]
		}
	}
}
