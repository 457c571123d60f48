package augment

import (
	"image"
	"image/color"
	"image/draw"

	"github.com/disintegration/imaging"

	"supcon/pkg/random"
)

const (
	// sheetCell is the side below which the pictures of a sheet are enlarged, by
	// a whole factor and without smoothing.
	sheetCell = 96
	sheetGap  = 4
)

// sheetCell is by what factor a sheet enlarges pictures, and the side it gives them.
func (r *Recipe) sheetCell() (factor, cell int) {
	factor = max(1, sheetCell/r.Size)
	return factor, factor * r.Size
}

// SheetSize is the size in pixels of a Sheet of so many pictures and views.
func (r *Recipe) SheetSize(rows, views int) (width, height int) {
	_, cell := r.sheetCell()
	return sheetGap + (views+1)*(cell+sheetGap), sheetGap + rows*(cell+sheetGap)
}

// Sheet lays out a contact sheet: a row for each picture, with its evaluation
// square and then its first views of an epoch, the very ones that training with
// this seed would see; index is the picture's position in the training set.
func (r *Recipe) Sheet(pictures []*image.NRGBA, index []int, views int, seed, epoch uint64) *image.NRGBA {
	factor, cell := r.sheetCell()
	step := cell + sheetGap
	width, height := r.SheetSize(len(pictures), views)
	sheet := imaging.New(width, height, color.White)
	place := func(picture *image.NRGBA, row, column int) {
		if factor > 1 {
			picture = imaging.Resize(picture, cell, cell, imaging.NearestNeighbor)
		}
		at := image.Pt(sheetGap+column*step, sheetGap+row*step)
		draw.Draw(sheet, picture.Rect.Sub(picture.Rect.Min).Add(at), picture, picture.Rect.Min, draw.Src)
	}
	for row, picture := range pictures {
		place(Square(picture, r.Size), row, 0)
		for v := range views {
			rng := random.New(seed, random.View, epoch, uint64(index[row]), uint64(v))
			place(r.Picture(picture, rng), row, v+1)
		}
	}
	return sheet
}
