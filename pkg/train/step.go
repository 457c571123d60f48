package train

import (
	"context"
	"fmt"
	"math"
	"time"

	"supcon/pkg/eval"
	"supcon/pkg/infer"
	"supcon/pkg/loader"
	"supcon/pkg/loss"
	"supcon/pkg/op"
	"supcon/pkg/runlog"
)

// update is one optimiser step and what is told of it.
func (t *Trainer) update(b *loader.Batch) error {
	lr := t.schedule.At(t.step)
	value, norm, err := t.descend(b, lr)
	if err != nil {
		return err
	}
	if verdict := t.watch.look(t.step, value, t.cfg.Contrastive(), t.groups); verdict != "" {
		t.observer.Noted(verdict)
	}
	t.step++
	t.pace.tick(t.clock.Now())
	return t.record(b.Epoch, value, lr, norm)
}

// descend computes loss and gradients of the batch, then the parameters and
// their average. A loss or a gradient that is not finite is an error, and the
// parameters are left as they were.
func (t *Trainer) descend(b *loader.Batch, lr float64) (value op.LossValue, norm float64, err error) {
	loss.Groups(t.groups, loss.Variant(t.cfg.Loss), b.Labels)
	if err := t.graph.SetInput(b.X, t.groups); err != nil {
		return value, 0, err
	}
	if value, err = t.graph.Run(); err != nil {
		return value, 0, err
	}
	next, err := t.solver.Prepare(t.graph.Gradients())
	if err != nil {
		return value, 0, err
	}
	if !finite(value.Loss) || !finite(next.Norm) {
		return value, 0, fmt.Errorf("the loss is %g and the gradient's norm %g, so the weights were left as they were before this step%s; try a lower --lr or a higher --temperature", value.Loss, next.Norm, t.lastGood())
	}
	t.solver.SetLearningRate(lr)
	t.solver.Apply(next)
	if t.average != nil {
		t.average.Average(t.engine, t.net, averageDecay(t.cfg.EMA, t.step))
	}
	return value, next.Norm, nil
}

// lastGood names the checkpoint that a stopped run leaves, if there is one.
func (t *Trainer) lastGood() string {
	if t.savedAt < 0 {
		return ""
	}
	return fmt.Sprintf(" and the checkpoint of step %d is good", t.savedAt)
}

// dataWait is how long the steps of this process have waited for images.
func (t *Trainer) dataWait() time.Duration { return t.loader.Wait() - t.waited }

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// record writes the step's line of the metrics and tells the observer.
func (t *Trainer) record(epoch int, v op.LossValue, lr, gradientNorm float64) error {
	t.epochLoss.add(epoch, v.Loss)
	rate := t.pace.stepsPerSecond() * float64(t.cfg.BatchSize)
	fields := []runlog.Field{
		runlog.F("loss", v.Loss), runlog.F("lr", lr), runlog.F("grad_norm", gradientNorm),
		runlog.F("images_per_s", rate), runlog.F("data_wait_s", t.dataWait().Seconds()),
		runlog.F("skipped_images", t.skipped()),
	}
	if t.cfg.Contrastive() {
		fields = append(fields, runlog.F("loss_unscaled", v.Unscaled), runlog.F("anchors_without_positives", v.WithoutPositives),
			runlog.F("positive_similarity", v.PositiveSimilarity), runlog.F("negative_similarity", v.NegativeSimilarity), runlog.F("spread", v.Spread))
	}
	if err := t.metrics.Append(t.step, epoch, fields...); err != nil {
		return err
	}
	p := Progress{
		Step: t.step, Epoch: epoch, StepInEpoch: t.step - epoch*t.perEpoch, StepsInEpoch: t.perEpoch,
		Loss: v.Loss, LR: lr, ImagesPerSecond: rate,
	}
	if s := t.pace.stepsPerSecond(); s > 0 {
		p.Left = time.Duration(float64(t.total-t.step) / s * float64(time.Second))
	}
	t.observer.Stepped(p)
	return nil
}

// validate scores the frozen encoder by nearest neighbours: the training images
// vote on the validation images. It reports whether no earlier score was as high.
func (t *Trainer) validate(ctx context.Context) (best bool, err error) {
	bank, err := t.encoder.Collect(ctx, t.data.train, t.cfg.Workers)
	if err != nil {
		return false, err
	}
	queries, err := t.encoder.Collect(ctx, t.data.held, t.cfg.Workers)
	if err != nil {
		return false, err
	}
	t.reportHeldSkips(queries.Skipped)
	score, err := t.neighbours(ctx, bank, queries)
	if err != nil {
		return false, err
	}
	t.lastKNN = score
	t.sinceBest++
	if best = score > t.bestKNN; best {
		t.bestKNN, t.sinceBest = score, 0
	}
	epoch := t.step / t.perEpoch
	if err := t.metrics.Append(t.step, epoch, runlog.F("eval/knn_top1", score)); err != nil {
		return false, err
	}
	t.observer.Validated(epoch, score, best)
	return best, nil
}

func (t *Trainer) neighbours(ctx context.Context, bank, queries *infer.Vectors) (top1 float64, err error) {
	knn, err := eval.NewKNN(t.engine, bank.Vectors, bank.Labels, len(bank.Classes), eval.KNNOptions{})
	if err != nil {
		return 0, err
	}
	result, err := knn.Evaluate(ctx, queries.Vectors, queries.Labels)
	return result.Top1, err
}

// reportSkipped names the first images that could not be read, each once.
func (t *Trainer) reportSkipped() {
	const named = 5
	if t.loader.SkippedCount() == len(t.notedSkips) || len(t.notedSkips) == named {
		return
	}
	for _, s := range t.loader.Skipped() {
		if !t.notedSkips[s.Path] && len(t.notedSkips) < named {
			t.notedSkips[s.Path] = true
			t.observer.Noted(fmt.Sprintf("an image cannot be read and is skipped: %s", s.Reason))
		}
	}
}

// reportHeldSkips counts the validation images that could not be read, and names
// the first of them once.
func (t *Trainer) reportHeldSkips(skips []loader.Skip) {
	if len(skips) > t.heldSkipped {
		t.observer.Noted(fmt.Sprintf("validation goes without %d of %d images, the first: %s", len(skips), t.data.held.Len(), skips[0].Reason))
	}
	t.heldSkipped = len(skips)
}

// skipped counts the unreadable images met so far in this process.
func (t *Trainer) skipped() int { return t.loader.SkippedCount() + t.heldSkipped }
