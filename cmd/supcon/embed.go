package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"supcon/pkg/dataset"
	"supcon/pkg/embedding"
	"supcon/pkg/fault"
	"supcon/pkg/infer"
)

type embedOptions struct {
	source
	out       string
	normalize bool
	json      bool
}

// embedResult is what `embed --json` prints.
type embedResult struct {
	Count      int     `json:"count"`
	Dim        int     `json:"dim"`
	Skipped    int     `json:"skipped"`
	Seconds    float64 `json:"seconds"`
	ImagesPerS float64 `json:"images_per_s"`
	Out        string  `json:"out"`
	Checkpoint string  `json:"checkpoint"`
}

func newEmbed(ui *ui) *cobra.Command {
	var o embedOptions
	cmd := &cobra.Command{
		Use:   "embed [RUN]",
		Short: "Write the vectors of any images",
		Long: `Runs the run's frozen encoder over a folder of images and writes one float32 vector
each, in the order of the sorted paths. RUN is a run directory (its best checkpoint,
else its last) or a checkpoint file; left out, the newest run under runs/.

The extension of --out chooses the format:
  .npy   a NumPy array (N, D), with the paths and labels beside it as .jsonl
  .csv   path, label and one column a value`,
		Example: `  supcon embed --out vectors.npy
  supcon embed runs/first --data photos/new --out new.csv --normalize
  supcon embed runs/first --data photos.tar --out vectors.npy`,
		Args: atMostOneRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("normalize") {
				o.normalize = o.layer == string(infer.ProjectionLayer)
			}
			return runEmbed(cmd.Context(), ui, o, args)
		},
	}
	o.addFlags(cmd, "images: any folder, class folders or not, a CSV manifest or a tar archive (default: the run's training images)")
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "file to write (required)")
	cmd.Flags().BoolVar(&o.normalize, "normalize", false, "divide every vector by its L2 norm (default true for --layer projection)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

func runEmbed(ctx context.Context, ui *ui, o embedOptions, args []string) error {
	if o.out == "" {
		return fault.Usage.Errorf("embed: where should the vectors go? give --out FILE.npy or FILE.csv")
	}
	t, err := o.open(ui, args)
	if err != nil {
		return err
	}
	set, err := o.images(t)
	if err != nil {
		return err
	}
	started := time.Now()
	writer, err := embedding.Create(o.out, t.encoder.Dim(), set.Classes)
	if err != nil {
		return err
	}
	defer writer.Abort()
	var sink embedding.Sink = writer
	if o.normalize {
		sink = embedding.Normalized(writer)
	}
	skipped, err := t.encoder.Run(ctx, set, t.workers, sink)
	if err != nil {
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	ui.reportSkipped(skipped)
	seconds, count := time.Since(started).Seconds(), set.Len()-len(skipped)
	return embedResult{count, t.encoder.Dim(), len(skipped), seconds, float64(count) / seconds, o.out, t.found.Path}.print(ui, o.json)
}

// images opens the folder asked for, with its classes if it has any, or the
// training images of the run.
func (o *embedOptions) images(t *trained) (*dataset.Set, error) {
	if o.data == "" {
		set, _, err := t.runImages("")
		return set, err
	}
	set, err := dataset.Open(o.data, dataset.Options{Stray: true})
	return t.limited(set), err
}

func (r embedResult) print(ui *ui, asJSON bool) error {
	if asJSON {
		return ui.printJSON(r)
	}
	ui.row("vectors", "%d of %d values in %s", r.Count, r.Dim, r.Out)
	ui.row("speed", "%.0f images/s, %.1f s", r.ImagesPerS, r.Seconds)
	return nil
}
