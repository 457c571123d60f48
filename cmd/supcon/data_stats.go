package main

import (
	"context"

	"github.com/spf13/cobra"

	"supcon/pkg/augment"
	"supcon/pkg/dataset"
	"supcon/pkg/fault"
)

// statsResult is what `data stats --json` prints.
type statsResult struct {
	Data              string       `json:"data"`
	Images            int          `json:"images"`
	Unreadable        int          `json:"unreadable"`
	Classes           []classCount `json:"classes"`
	Mean              [3]float32   `json:"mean"`
	Std               [3]float32   `json:"std"`
	MedianShorterSide int          `json:"median_shorter_side"`
	ImageSize         int          `json:"image_size"`
}

func newDataStats(ui *ui) *cobra.Command {
	var o imagesOptions
	imageSize := 0
	cmd := &cobra.Command{
		Use:   "stats DIR",
		Short: "Mean, standard deviation, class counts and size of images",
		Long: `Decodes the images of a folder, a CSV manifest or a tar archive (100,000 of them, evenly
spaced, where there are more) and prints the mean and the standard deviation of each
channel, of values from 0 to 1, over the squares that evaluation sees; the images of each
class; and the median shorter side. train computes the same of its training part and
stores it in the checkpoint, so that nothing need be copied.`,
		Example: `  supcon data stats photos/train
  supcon data stats photos/train --image-size 64 --json`,
		Args: exactlyOne("a folder, a manifest or an archive"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDataStats(cmd.Context(), ui, o, imageSize, args[0])
		},
	}
	cmd.Flags().IntVar(&imageSize, "image-size", 0, "side of the squares in pixels; 0 = 32 for images under 64 px, else 224")
	o.addFlags(cmd)
	return cmd
}

func runDataStats(ctx context.Context, ui *ui, o imagesOptions, imageSize int, path string) error {
	const largest = 4096
	if imageSize < 0 || imageSize > largest {
		return fault.Usage.Errorf("data stats: --image-size is %d; it must be from 0 to %d", imageSize, largest)
	}
	set, err := o.open(path)
	if err != nil {
		return err
	}
	if imageSize == 0 {
		side, err := dataset.MedianShorterSide(ctx, set, o.workers)
		if err != nil {
			return err
		}
		imageSize = dataset.DefaultImageSize(side)
	}
	s, err := dataset.ComputeStats(ctx, set, augment.Squares(imageSize), o.workers)
	if err != nil {
		return err
	}
	r := statsResult{path, set.Len(), s.Unreadable, classCounts(set), s.Mean, s.Std, s.MedianShorterSide, imageSize}
	if o.json {
		return ui.printJSON(r)
	}
	r.print(ui)
	return nil
}

func (r statsResult) print(ui *ui) {
	ui.row("images", "%d in %s", r.Images, r.Data)
	ui.row("classes", "%s", describeClasses(r.Classes, ui.verbose))
	if r.Unreadable > 0 {
		ui.row("unreadable", "%d, left out (`supcon data check` lists them)", r.Unreadable)
	}
	ui.row("mean", "%.4f %.4f %.4f", r.Mean[0], r.Mean[1], r.Mean[2])
	ui.row("std", "%.4f %.4f %.4f", r.Std[0], r.Std[1], r.Std[2])
	ui.row("median side", "%d pixels, the shorter one", r.MedianShorterSide)
	ui.row("image size", "%d pixels", r.ImageSize)
}
