package main

import (
	"github.com/spf13/cobra"

	"supcon/pkg/dataset"
	"supcon/pkg/fault"
)

func newData(ui *ui) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Check and measure images; make the sample set",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDataCheck(ui), newDataStats(ui), newDataSynth(ui))
	return cmd
}

func newDataSynth(ui *ui) *cobra.Command {
	var o dataset.SynthOptions
	var seed uint64
	cmd := &cobra.Command{
		Use:   "synth DIR",
		Short: "Make the sample image folder: rendered shapes in ten classes",
		Long: `Writes DIR/train and DIR/test with one folder of small JPEG pictures per class. Neither
colour nor position alone gives the class away. The same seed gives the same bytes;
datasets/sample was made with the defaults.`,
		Example: "  supcon data synth shapes",
		Args:    exactlyOne("a folder to make"),
		RunE: func(_ *cobra.Command, args []string) error {
			if o.Train < 1 || o.Test < 1 {
				return fault.Usage.Errorf("--train is %d and --test %d; give 1 image or more a class", o.Train, o.Test)
			}
			if err := dataset.Synth(args[0], seed, o); err != nil {
				return err
			}
			ui.row("sample set", "%d classes in %s: %d training and %d test images each", len(dataset.SynthClasses()), args[0], o.Train, o.Test)
			return nil
		},
	}
	cmd.Flags().Uint64Var(&seed, "seed", 1, "seed of every random draw")
	cmd.Flags().IntVar(&o.Train, "train", 100, "training images a class")
	cmd.Flags().IntVar(&o.Test, "test", 30, "test images a class")
	cmd.Flags().IntVar(&o.Size, "size", 32, "side of a picture in pixels")
	return cmd
}
