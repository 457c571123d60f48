package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"supcon/pkg/config"
	"supcon/pkg/train"
)

// previewOptions are those of the command; how views are made is config.Run's.
type previewOptions struct {
	train.PreviewOptions
	config string
	json   bool
}

func newPreview(ui *ui) *cobra.Command {
	o := previewOptions{PreviewOptions: train.PreviewOptions{Rows: 8, Views: 8}}
	settings := config.Default()
	cmd := &cobra.Command{
		Use:   "preview --data DIR --out FILE.png",
		Short: "Draw the augmented views, to look at before training",
		Long: `Writes a contact sheet: each row an image as evaluation sees it, then views of it as
training would see them in its first epoch under the same settings. Small views are
enlarged. Prints the recipe and the images of the rows.

The settings below mean what they mean to train, and a YAML file of its settings does
as well; -1 leaves a strength to the recipe.`,
		Example: `  supcon preview --data photos/train --out views.png
  supcon preview --data photos/train --recipe imagenet --blur-prob 1 --rows 4 --out blurred.png
  supcon preview --config runs/first/config.yaml --out views.png`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runPreview(cmd.Context(), ui, o, cmd.Flags(), &settings)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.Out, "out", "o", "", "PNG file to write (required)")
	f.IntVar(&o.Rows, "rows", o.Rows, "images to show, spread evenly over the training images")
	f.IntVar(&o.Views, "views", o.Views, "views of each")
	config.AddViewFlags(f, &settings)
	f.StringVar(&o.config, "config", "", "YAML file with settings")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

func runPreview(ctx context.Context, ui *ui, o previewOptions, flags *pflag.FlagSet, settings *config.Run) error {
	if err := config.FromCommandLine(flags, o.config, settings); err != nil {
		return err
	}
	r, err := train.Preview(ctx, *settings, o.PreviewOptions)
	if err != nil {
		return err
	}
	for _, n := range r.Notes {
		ui.note("note: %s", n)
	}
	for _, s := range r.Skipped {
		ui.note("note: skipped: %s", s)
	}
	if o.json {
		return ui.printJSON(r)
	}
	ui.row("sheet", "%s, %d×%d pixels: %d images with %d views each", r.Out, r.Width, r.Height, len(r.Images), o.Views)
	ui.row("recipe", "%s", r.Recipe)
	for i, path := range r.Images {
		ui.row(fmt.Sprintf("row %d", i+1), "%s", path)
	}
	return nil
}
