package augment

import (
	"image"
	"math"

	"github.com/disintegration/imaging"
)

// wholeGeometry says how a width×height picture becomes its evaluation square:
// the part of it that matters, that part's size after resizing, and the corner
// of the central crop. The shorter side becomes S·8/7, or S itself for S ≤ 64
// (the sides torchvision's Resize gives). Of a very long picture only the middle
// is resized: the crop sees nothing else, and memory stays bounded.
func wholeGeometry(width, height, size int) (part image.Rectangle, to image.Point, corner image.Point) {
	shorter := size
	if size > fusedSide {
		shorter = int(math.Round(float64(size) * 8 / 7))
	}
	part = image.Rect(0, 0, width, height)
	if limit := 2 * height; width > limit {
		part.Min.X = (width - limit) / 2
		part.Max.X = part.Min.X + limit
	} else if limit := 2 * width; height > limit {
		part.Min.Y = (height - limit) / 2
		part.Max.Y = part.Min.Y + limit
	}
	w, h := part.Dx(), part.Dy()
	to = image.Pt(shorter, shorter)
	if w <= h {
		to.Y = max(size, shorter*h/w)
	} else {
		to.X = max(size, shorter*w/h)
	}
	corner.X = int(math.RoundToEven(float64(to.X-size) / 2))
	corner.Y = int(math.RoundToEven(float64(to.Y-size) / 2))
	return part, to, corner
}

// Square returns the evaluation square of a picture before normalisation:
// size×size pixels, shorter side resized, centre cropped. It shares memory with
// img where nothing had to be done.
func Square(img *image.NRGBA, size int) *image.NRGBA {
	part, to, corner := wholeGeometry(img.Rect.Dx(), img.Rect.Dy(), size)
	if part == img.Rect && to == part.Size() && to == image.Pt(size, size) {
		return img
	}
	crop := image.Rectangle{Min: corner, Max: corner.Add(image.Pt(size, size))}
	return imaging.Crop(resizedCrop(img, part, to.X, to.Y), crop)
}

// Squares returns Square for one size, as dataset.ComputeStats takes it.
func Squares(size int) func(*image.NRGBA) *image.NRGBA {
	return func(img *image.NRGBA) *image.NRGBA { return Square(img, size) }
}

// resizedCrop is torchvision's resized_crop: crop, then Pillow's bilinear
// filter, antialiased when shrinking.
func resizedCrop(img *image.NRGBA, crop image.Rectangle, width, height int) *image.NRGBA {
	part := img.SubImage(crop.Add(img.Rect.Min))
	return imaging.Resize(part, width, height, imaging.Linear)
}
