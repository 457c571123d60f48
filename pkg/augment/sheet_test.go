package augment

import (
	"image"
	"image/color"
	"testing"

	"supcon/pkg/random"
)

func TestSheetShowsTheViewsOfTraining(t *testing.T) {
	for _, c := range []struct{ size, factor int }{{32, 3}, {80, 1}} {
		r := mustNew(t, "imagenet", c.size)
		pictures := []*image.NRGBA{smooth(100, 90, 1), smooth(32, 32, 2)}
		index := []int{7, 3}
		sheet := r.Sheet(pictures, index, 2, 5, 1)
		step := c.factor*c.size + sheetGap
		if want := image.Rect(0, 0, sheetGap+3*step, sheetGap+2*step); sheet.Rect != want {
			t.Fatalf("a sheet of %v, want %v", sheet.Rect, want)
		}
		for row, picture := range pictures {
			cells := []*image.NRGBA{Square(picture, c.size)}
			for v := range uint64(2) {
				cells = append(cells, r.Picture(picture, random.New(5, random.View, 1, uint64(index[row]), v)))
			}
			for column, cell := range cells {
				for y := range c.size {
					for x := range c.size {
						at := image.Pt(sheetGap+column*step+c.factor*x+c.factor-1, sheetGap+row*step+c.factor*y+c.factor-1)
						if got := sheet.NRGBAAt(at.X, at.Y); got != cell.NRGBAAt(x, y) {
							t.Fatalf("size %d, row %d, column %d: pixel (%d, %d) is %v, want %v", c.size, row, column, x, y, got, cell.NRGBAAt(x, y))
						}
					}
				}
			}
		}
		if got := sheet.NRGBAAt(0, 0); got != (color.NRGBA{255, 255, 255, 255}) {
			t.Errorf("the margin is %v", got)
		}
	}
}
