package train

import (
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"path/filepath"
	"strings"

	"supcon/pkg/augment"
	"supcon/pkg/config"
	"supcon/pkg/dataset"
	"supcon/pkg/fault"
	"supcon/pkg/internal/atomicfile"
)

// PreviewOptions say what is to be seen of a run's views.
type PreviewOptions struct {
	Out         string // the PNG file to write, replacing what was there
	Rows, Views int    // images, and views of each
}

// PreviewResult says what a contact sheet shows.
type PreviewResult struct {
	Out       string   `json:"out"`
	Width     int      `json:"width"`
	Height    int      `json:"height"`
	ImageSize int      `json:"image_size"`
	Recipe    string   `json:"recipe"`
	Images    []string `json:"images"` // row by row
	Skipped   []string `json:"skipped,omitempty"`
	Notes     []string `json:"-"`
}

// Preview writes a contact sheet: a row for each of some images spread evenly
// over the training set of cfg, with the whole picture as evaluation sees it and
// then the first views that a training of cfg makes of it. The file appears whole
// or not at all.
func Preview(ctx context.Context, cfg config.Run, o PreviewOptions) (PreviewResult, error) {
	if err := checkPreview(cfg, o); err != nil {
		return PreviewResult{}, err
	}
	d, err := openImages(cfg)
	if err != nil {
		return PreviewResult{}, err
	}
	if err := d.settle(ctx, &cfg); err != nil {
		return PreviewResult{}, err
	}
	recipe, err := cfg.RecipeFor([3]float32{}, [3]float32{1, 1, 1}) // a sheet is not normalised
	if err != nil {
		return PreviewResult{}, err
	}
	r := PreviewResult{Out: o.Out, ImageSize: cfg.ImageSize, Recipe: recipe.String(), Notes: d.notes}
	sheet, err := r.draw(ctx, d.train, recipe, cfg, o)
	if err != nil {
		return PreviewResult{}, err
	}
	r.Width, r.Height = sheet.Rect.Dx(), sheet.Rect.Dy()
	err = atomicfile.WriteFile(o.Out, func(w io.Writer) error { return png.Encode(w, sheet) })
	if err != nil {
		return PreviewResult{}, fmt.Errorf("train: preview: %w", err)
	}
	return r, nil
}

func checkPreview(cfg config.Run, o PreviewOptions) error {
	if err := cfg.ValidateViews(); err != nil {
		return err
	}
	const most = 1000
	switch {
	case o.Out == "":
		return fault.Usage.Errorf("train: where should the sheet go? give --out FILE.png")
	case !strings.EqualFold(filepath.Ext(o.Out), ".png"):
		return fault.Usage.Errorf("train: a sheet is a PNG, but --out is %s; give --out FILE.png", o.Out)
	case o.Rows < 1 || o.Rows > most:
		return fault.Usage.Errorf("train: rows is %d; it must be from 1 to %d", o.Rows, most)
	case o.Views < 1 || o.Views > most:
		return fault.Usage.Errorf("train: views is %d; it must be from 1 to %d", o.Views, most)
	}
	return nil
}

// draw picks the images and lays the sheet out.
func (r *PreviewResult) draw(ctx context.Context, set *dataset.Set, recipe *augment.Recipe, cfg config.Run, o PreviewOptions) (*image.NRGBA, error) {
	if width, height := recipe.SheetSize(min(o.Rows, set.Len()), o.Views); width*height > dataset.MaxPixels {
		return nil, fault.Usage.Errorf("train: a sheet of %d rows with %d views of %d px would have %d×%d pixels; ask for fewer rows or views", o.Rows, o.Views, recipe.Size, width, height)
	}
	pictures, index, err := r.pick(ctx, set, min(o.Rows, set.Len()), cfg.OnBadImage == config.FailBad)
	if err != nil {
		return nil, err
	}
	return recipe.Sheet(pictures, index, o.Views, cfg.Seed, 0), nil
}

// pick decodes n images evenly spaced in the set, and in place of an unreadable
// one the next that is readable and not yet taken.
func (r *PreviewResult) pick(ctx context.Context, set *dataset.Set, n int, failOnBad bool) (pictures []*image.NRGBA, index []int, err error) {
	next := 0
	for row := range n {
		for next = max(next, row*set.Len()/n); next < set.Len(); next++ {
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			picture, err := set.Decode(next)
			if err != nil && failOnBad {
				return nil, nil, err
			}
			if err != nil {
				r.Skipped = append(r.Skipped, err.Error())
				continue
			}
			pictures, index = append(pictures, picture), append(index, next)
			r.Images = append(r.Images, set.Items[next].Path)
			next++
			break
		}
	}
	if len(pictures) == 0 {
		return nil, nil, fault.Data.Errorf("train: none of the images tried can be read; the first: %s", r.Skipped[0])
	}
	return pictures, index, nil
}
