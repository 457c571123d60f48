package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"supcon/pkg/config"
	"supcon/pkg/eval"
	"supcon/pkg/train"
)

// ours trains and evaluates with supcon.
func (r *runner) ours(ctx context.Context, j job, out *result) error {
	data, err := r.trainData(j)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(r.work, j.name)); err != nil {
		return err
	}
	line := append([]string{"supcon", "train", "--config=" + filepath.ToSlash(j.study.Base)}, j.variant.flags...)
	line = append(line, "--seed="+strconv.FormatUint(j.Seed, 10), "--data="+data, "--out=$WORK/"+j.name, "--quiet", "--json")
	var trained train.Result
	if err := r.command(ctx, out, &trained, r.withThreads(line)...); err != nil {
		return err
	}
	var scores eval.Report
	line = []string{"supcon", "eval", "$WORK/" + j.name, "--data=" + data, "--test=$DATA/test", "--linear-probe", "--knn", "--quiet", "--json"}
	if err := r.command(ctx, out, &scores, r.withThreads(line)...); err != nil {
		return err
	}
	if scores.LinearProbe == nil || scores.KNN == nil || scores.Skipped > 0 {
		return fmt.Errorf("the evaluation of %s is not whole, or %d images could not be read", j.name, scores.Skipped)
	}
	out.Steps, out.TrainS, out.Loss = trained.Steps, seconds(trained.Seconds), trained.Loss
	out.Top1, out.CI95, out.KNNTop1 = scores.LinearProbe.Top1, scores.LinearProbe.CI95, scores.KNN.Top1
	return nil
}

func (r *runner) withThreads(line []string) []string {
	if r.threads == 0 {
		return line
	}
	return append(line, flagInt("threads", r.threads))
}

// trainData is what a job trains on, in the words of a recorded command.
func (r *runner) trainData(j job) (string, error) {
	if j.Subset == 0 {
		return "$DATA/train", nil
	}
	name := fmt.Sprintf("train-%d.csv", j.Subset)
	return "$WORK/" + name, r.images.writeSubset(filepath.Join(r.work, name), j.Subset)
}

// peerPrinted is what the peer's program prints after a run.
type peerPrinted struct {
	TrainS  float64   `json:"train_s"`
	Losses  []float64 `json:"losses"` // mean of each epoch
	Top1    float64   `json:"linear_probe_top1"`
	KNNTop1 float64   `json:"knn_top1"`
}

// peer does the same with PyTorch.
func (r *runner) peer(ctx context.Context, j job, out *result) error {
	line := append([]string{"scripts/torch_tuned.sh", "train", "--data=$DATA/train", "--test=$DATA/test"}, peerFlags(j.variant.cfg)...)
	line = append(line, "--seed="+strconv.FormatUint(j.Seed, 10), flagInt("threads", out.Threads))
	var printed peerPrinted
	if err := r.command(ctx, out, &printed, line...); err != nil {
		return err
	}
	if len(printed.Losses) == 0 {
		return fmt.Errorf("%s told no losses", strings.Join(line, " "))
	}
	out.Steps = j.variant.cfg.Epochs * (out.Images / j.variant.cfg.BatchSize)
	out.TrainS, out.Loss = seconds(printed.TrainS), printed.Losses[len(printed.Losses)-1]
	out.Top1, out.KNNTop1 = printed.Top1, printed.KNNTop1
	out.CI95[0], out.CI95[1] = eval.Wilson(int(math.Round(printed.Top1*float64(out.TestImages)/100)), out.TestImages)
	return nil
}

// peerFlags are the settings of a run in the peer's words.
func peerFlags(cfg config.Run) []string {
	text := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	return []string{
		"--model=" + cfg.Model, "--loss=" + cfg.Loss, "--temperature=" + text(cfg.Temperature), "--base-temperature=" + text(cfg.BaseTemperature),
		"--lr=" + text(cfg.LR), flagInt("epochs", cfg.Epochs), flagInt("images", cfg.BatchSize), flagInt("size", cfg.ImageSize),
	}
}

// checkPeer refuses a run that the peer would do differently: it knows the
// settings of peerFlags, and has the rest as its program writes it down.
func checkPeer(s *study, cfg config.Run) error {
	can := config.Default()
	can.Model, can.Loss, can.Temperature, can.BaseTemperature = cfg.Model, cfg.Loss, cfg.Temperature, cfg.BaseTemperature
	can.LR, can.Epochs, can.BatchSize, can.ImageSize = cfg.LR, cfg.Epochs, cfg.BatchSize, cfg.ImageSize
	can.Recipe, can.WarmupEpochs, can.ValFraction = "cifar", 0, 0
	can.Data, can.OnBadImage, can.Keep = cfg.Data, cfg.OnBadImage, cfg.Keep // no matter of learning
	switch {
	case s.Subset > 0 || s.ViewsSeen > 0:
		return fmt.Errorf("the peer trains on all images and by epochs; leave out images, views_seen or peer")
	case cfg.Loss != "supcon" && cfg.Loss != "simclr" || cfg.LR == 0 || cfg.ImageSize == 0 || can != cfg:
		return fmt.Errorf("the peer has two views of the recipe cifar, momentum 0.9, weight decay 1e-4, a cosine to 0 without warm-up, no validation, and needs lr and image_size; the base differs")
	}
	return nil
}
