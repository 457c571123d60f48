package main

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"supcon/pkg/dataset"
	"supcon/pkg/eval"
	"supcon/pkg/fault"
	"supcon/pkg/infer"
)

type evalOptions struct {
	source
	test             string
	linearProbe, knn bool
	k                int
	tau              float64
	json             bool
}

func newEval(ui *ui) *cobra.Command {
	o := evalOptions{k: 200, tau: 0.1}
	cmd := &cobra.Command{
		Use:   "eval [RUN]",
		Short: "Judge a frozen encoder with a linear probe and nearest neighbours",
		Long: `Embeds labelled training images and test images with the run's frozen encoder and
scores how well the classes can be read off the vectors. RUN is a run directory (its
best checkpoint, else its last) or a checkpoint file; left out, the newest run under
runs/. Without --linear-probe and --knn both are done.`,
		Example: `  supcon eval --linear-probe
  supcon eval runs/first --data photos/train --test photos/test --linear-probe --knn --json`,
		Args: atMostOneRun,
		RunE: func(cmd *cobra.Command, args []string) error { return runEval(cmd.Context(), ui, o, args) },
	}
	o.addFlags(cmd, "labelled images to fit on: a folder, a CSV manifest or a tar archive (default: the run's training images)")
	cmd.Flags().StringVar(&o.test, "test", "", "labelled images to score on, in any of these forms (default: the images the run held out)")
	cmd.Flags().BoolVar(&o.linearProbe, "linear-probe", false, "multinomial logistic regression on standardised features")
	cmd.Flags().BoolVar(&o.knn, "knn", false, "weighted nearest neighbours by cosine similarity")
	cmd.Flags().IntVar(&o.k, "knn-k", o.k, "neighbours that vote")
	cmd.Flags().Float64Var(&o.tau, "knn-temperature", o.tau, "tau of the votes' weights exp(similarity/tau)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

func runEval(ctx context.Context, ui *ui, o evalOptions, args []string) error {
	if !o.linearProbe && !o.knn {
		o.linearProbe, o.knn = true, true
	}
	if o.k < 1 || !(o.tau > 0) {
		return fault.Usage.Errorf("--knn-k is %d and --knn-temperature %g; both must be above 0", o.k, o.tau)
	}
	t, err := o.open(ui, args)
	if err != nil {
		return err
	}
	trainSet, testSet, err := o.images(t)
	if err != nil {
		return err
	}
	fit, err := t.vectors(ctx, trainSet, "training")
	if err != nil {
		return err
	}
	test, err := t.vectors(ctx, testSet, "test")
	if err != nil {
		return err
	}
	result := eval.Report{
		Checkpoint: t.found.Path, Checksum: t.encoder.Checksum(), Layer: o.layer,
		TrainImages: fit.Len(), TestImages: test.Len(), Skipped: len(fit.Skipped) + len(test.Skipped),
	}
	if o.linearProbe {
		if result.LinearProbe, err = linearProbe(ctx, t, fit, test); err != nil {
			return err
		}
	}
	if o.knn {
		if result.KNN, err = nearestNeighbours(ctx, t, o, fit, test); err != nil {
			return err
		}
	}
	return reportScores(ui, t, result, o.json)
}

// images returns what the probe is fitted to and scored on.
func (o *evalOptions) images(t *trained) (fit, test *dataset.Set, err error) {
	if o.data != "" && o.test != "" { // both are given: nothing is held out of either
		fit, err = t.openLabelled(o.data, nil)
	} else {
		fit, test, err = t.runImages(o.data)
	}
	if err != nil {
		return nil, nil, err
	}
	if !fit.Labelled() {
		return nil, nil, fault.Data.Errorf("%s has no labels, and a score needs them; give labelled images with --data", fit.Root)
	}
	if o.test != "" {
		test, err = t.openLabelled(o.test, fit.Classes)
	} else if test == nil {
		err = fault.Usage.Errorf("the run held no images out to score on; give a labelled folder of others with --test DIR")
	}
	return fit, test, err
}

func linearProbe(ctx context.Context, t *trained, fit, test *infer.Vectors) (*eval.ProbeResult, error) {
	probe, err := eval.FitProbe(ctx, t.engine, fit.Vectors, fit.Labels, fit.Classes, eval.ProbeOptions{Seed: t.encoder.Meta().Seed})
	if err != nil {
		return nil, err
	}
	result, err := probe.Evaluate(ctx, t.engine, test.Vectors, test.Labels)
	if err != nil || t.found.Run == "" {
		return &result, err
	}
	return &result, probe.Write(filepath.Join(t.found.Run, "probe.json"))
}

func nearestNeighbours(ctx context.Context, t *trained, o evalOptions, fit, test *infer.Vectors) (*eval.KNNResult, error) {
	knn, err := eval.NewKNN(t.engine, fit.Vectors, fit.Labels, len(fit.Classes), eval.KNNOptions{K: o.k, Tau: o.tau})
	if err != nil {
		return nil, err
	}
	result, err := knn.Evaluate(ctx, test.Vectors, test.Labels)
	return &result, err
}

// reportScores prints the scores and then adds them to the run's eval.json: what
// was measured is not lost when it cannot be written.
func reportScores(ui *ui, t *trained, r eval.Report, asJSON bool) error {
	if err := printScores(ui, r, asJSON); err != nil || t.found.Run == "" {
		return err
	}
	path := filepath.Join(t.found.Run, "eval.json")
	return r.With(eval.ReadReport(path)).Write(path)
}

func printScores(ui *ui, r eval.Report, asJSON bool) error {
	if asJSON {
		return ui.printJSON(r)
	}
	ui.row("checkpoint", "%s", r.Checkpoint)
	ui.row("images", "%d to fit, %d to score", r.TrainImages, r.TestImages)
	if p := r.LinearProbe; p != nil {
		ui.row("linear probe", "top-1 %.2f %% (95 %% interval %.2f to %.2f), top-5 %.2f %%; L2 strength %g, %.1f s", p.Top1, p.CI95[0], p.CI95[1], p.Top5, p.L2, p.Seconds)
	}
	if k := r.KNN; k != nil {
		ui.row("kNN", "top-1 %.2f %% (95 %% interval %.2f to %.2f); k %d, tau %g, %.1f s", k.Top1, k.CI95[0], k.CI95[1], k.K, k.Tau, k.Seconds)
	}
	return nil
}
