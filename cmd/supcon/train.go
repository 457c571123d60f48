package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"supcon/pkg/config"
	"supcon/pkg/fault"
	"supcon/pkg/train"
)

// trainOptions are those of the command; the run's own are config.Run.
type trainOptions struct {
	config, resume, out string
	json                bool
}

func newTrain(ui *ui) *cobra.Command {
	var o trainOptions
	settings := config.Default()
	cmd := &cobra.Command{
		Use:   "train --data DIR",
		Short: "Train an encoder on an image folder",
		Long: `Trains an encoder on a folder of images, one subfolder a class, and writes a run
directory with checkpoints, metrics and the resolved configuration. A CSV file with
the columns path and label does as well, and so does an uncompressed tar archive of
class folders or with WebDataset's key.jpg + key.cls or key.json.

Settings come from defaults, then the YAML file given by --config, then flags; every
setting below is also a key of that file, with "_" for "-". Ctrl-C finishes the step,
saves, and prints the command that goes on.`,
		Example: `  supcon train --data photos/train
  supcon train --data photos.tar --per-class 8 --batch-size 64
  supcon train --data photos --unlabelled --loss simclr --temperature 0.5 --blur-prob 0.5
  supcon train --config configs/demo.yaml --epochs 5 --out runs/short
  supcon train --data photos/train --minutes 60 --ema 0.999
  supcon train --resume runs/short`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runTrain(cmd.Context(), ui, o, cmd.Flags(), &settings)
		},
	}
	cmd.Flags().SortFlags = false
	config.AddFlags(cmd.Flags(), &settings)
	cmd.Flags().StringVar(&o.config, "config", "", "YAML file with settings")
	cmd.Flags().StringVar(&o.resume, "resume", "", "run directory to go on with, under its own settings")
	cmd.Flags().StringVar(&o.out, "out", "", "run directory to make (default runs/<time>-<model>-<loss>)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

func runTrain(ctx context.Context, ui *ui, o trainOptions, flags *pflag.FlagSet, settings *config.Run) error {
	trainer, err := newTrainer(ctx, ui, o, flags, settings)
	if err != nil {
		return err
	}
	result, err := trainer.Run(ctx)
	if err != nil {
		return err
	}
	if result.Interrupted {
		return resumable{result.Run, result.Steps}
	}
	return printTrained(ui, result, o.json)
}

// newTrainer takes up the run to resume, or sets up a new one.
func newTrainer(ctx context.Context, ui *ui, o trainOptions, flags *pflag.FlagSet, settings *config.Run) (*train.Trainer, error) {
	observer := train.Options{Out: o.out, Observer: newProgress(ui)}
	if o.resume == "" {
		if err := config.FromCommandLine(flags, o.config, settings); err != nil {
			return nil, err
		}
		return train.New(ctx, *settings, observer)
	}
	if given := firstOther(flags, "resume", "json", "quiet", "verbose"); given != "" {
		return nil, fault.Usage.Errorf("--resume goes on under the run's own settings and takes no --%s; leave it out, or start a new run from %s/config.yaml with --config", given, o.resume)
	}
	return train.Resume(ctx, o.resume, observer)
}

// firstOther names the first flag that was given and is none of the allowed.
func firstOther(flags *pflag.FlagSet, allowed ...string) string {
	other := ""
	flags.Visit(func(f *pflag.Flag) {
		for _, name := range allowed {
			if f.Name == name {
				return
			}
		}
		if other == "" {
			other = f.Name
		}
	})
	return other
}

// resumable is the end of a run that was interrupted and saved.
type resumable struct {
	run  string
	step int
}

func (r resumable) Error() string { return "interrupted" }

func printTrained(ui *ui, r train.Result, asJSON bool) error {
	if asJSON {
		return ui.printJSON(r)
	}
	ui.row("run", "%s", r.Run)
	ui.row("checkpoint", "%s", r.Checkpoint)
	speed := fmt.Sprintf(" in %.1f s, %.0f views/s", r.Seconds, r.ViewsPerS)
	if r.ViewsPerS == 0 {
		speed = ", none of them now: the run is complete"
	}
	ui.row("trained", "%d steps%s; loss %.4f", r.Steps, speed, r.Loss)
	if r.StoppedEarly {
		ui.row("ended early", "no better validation for as many as early_stop says")
	}
	if r.ViewsPerS > 0 {
		ui.row("data wait", "%.1f s, %.1f %% of the time", r.DataWaitS, 100*r.DataWaitS/r.Seconds)
	}
	if r.ValKNNTop1 != nil {
		ui.row("validation", "kNN top-1 %.2f %%", *r.ValKNNTop1)
	}
	if r.Skipped > 0 {
		ui.row("skipped", "%d unreadable images", r.Skipped)
	}
	if r.Labelled {
		ui.row("next", "supcon eval --linear-probe %s", r.Run)
	} else {
		ui.row("next", "supcon embed %s --out vectors.npy", r.Run)
	}
	return nil
}
