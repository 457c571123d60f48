package train

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"supcon/pkg/runlog"
)

// Result is what a run came to.
type Result struct {
	Run         string   `json:"run"`
	Checkpoint  string   `json:"checkpoint"`
	Steps       int      `json:"steps"`
	Epochs      int      `json:"epochs"`
	Seconds     float64  `json:"seconds"` // in this process: steps, validations and checkpoints
	Loss        float64  `json:"loss"`    // mean over the steps of the last epoch
	ViewsPerS   float64  `json:"views_per_s"`
	DataWaitS   float64  `json:"data_wait_s"` // time the steps waited for images
	Skipped     int      `json:"skipped"`     // unreadable images
	ValKNNTop1  *float64 `json:"val_knn_top1,omitempty"`
	Labelled    bool     `json:"-"` // the images have classes
	Interrupted bool     `json:"-"` // ctx was cancelled before the last step

	StoppedEarly bool `json:"stopped_early,omitempty"` // by early_stop, before the run's length
}

// Run trains until the run's length is reached or ctx is cancelled; then the
// step in hand is finished and saved. Run may be called once, and closes the
// trainer.
func (t *Trainer) Run(ctx context.Context) (result Result, err error) {
	defer func() {
		if closeErr := t.Close(); err == nil {
			err = closeErr
		}
	}()
	t.started = t.clock.Now()
	t.saveTimer = runlog.NewEvery(t.clock, time.Duration(t.cfg.CheckpointEveryMinutes*float64(time.Minute)))
	t.pace.tick(t.started)
	t.observer.Started(t.Overview())
	err = t.startPhase(ctx)
	if err == nil && t.total == 0 && t.savedAt < 0 { // the untrained encoder
		err = t.afterStep(ctx)
	}
	for err == nil && !t.done() && ctx.Err() == nil {
		err = t.advance(ctx)
	}
	if err == nil && t.savedAt != t.step { // interrupted between checkpoints
		err = t.save(false)
	}
	if err != nil {
		return Result{}, fmt.Errorf("train: after step %d: %w", t.step, err)
	}
	return t.result(), nil
}

// advance takes the next batch through one step and what is due after it.
func (t *Trainer) advance(ctx context.Context) error {
	if t.phaseAt(t.step) != t.phase {
		if err := t.startPhase(ctx); err != nil {
			return err
		}
	}
	batch, err := t.loader.Next()
	if ctx.Err() != nil {
		return nil // Run sees it too
	}
	if err != nil {
		return err
	}
	if err := t.update(batch); err != nil {
		return err
	}
	return t.afterStep(ctx)
}

// afterStep validates and saves where that is due. A validation belongs to its
// step and is not cut short: the checkpoint of a step that a run was stopped
// after must be the one that an unstopped run writes.
func (t *Trainer) afterStep(ctx context.Context) error {
	t.reportSkipped()
	best := false
	if t.validationDue() {
		var err error
		if best, err = t.validate(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		if t.stoppedEarly() {
			t.observer.Noted(fmt.Sprintf("no validation has beaten %.2f %% for %d in a row, so the run ends here, after %d of %d steps (early_stop)", t.bestKNN, t.sinceBest, t.step, t.total))
		}
	}
	if best || t.saveDue() {
		return t.save(best)
	}
	return nil
}

func (t *Trainer) validationDue() bool {
	epochs := t.step / t.perEpoch
	whole := t.step%t.perEpoch == 0 && epochs > 0
	return t.data.held != nil && (t.step == t.total || whole && epochs%t.cfg.KNNEveryEpochs == 0)
}

func (t *Trainer) saveDue() bool {
	return t.done() || t.step%t.saveEvery() == 0 || t.saveTimer.Due()
}

// saveEvery is how many steps lie between checkpoints.
func (t *Trainer) saveEvery() int { return cmp.Or(t.cfg.CheckpointEverySteps, t.perEpoch) }

// done tells whether the run has ended, by its length or early.
func (t *Trainer) done() bool { return t.step >= t.total || t.stoppedEarly() }

func (t *Trainer) stoppedEarly() bool {
	return t.cfg.EarlyStop > 0 && t.sinceBest >= t.cfg.EarlyStop && t.step < t.total
}

func (t *Trainer) result() Result {
	seconds := runlog.Since(t.clock, t.started).Seconds()
	r := Result{
		Run: t.dir, Checkpoint: t.savedPath, Steps: t.step, Epochs: t.step / t.perEpoch, Seconds: seconds,
		Loss: t.epochLoss.mean(), DataWaitS: t.dataWait().Seconds(), Skipped: t.skipped(),
		Labelled: t.data.train.Labelled(), Interrupted: !t.done(), StoppedEarly: t.stoppedEarly(),
	}
	if seconds > 0 {
		r.ViewsPerS = float64((t.step-t.firstStep)*t.cfg.BatchSize*t.cfg.Views) / seconds
	}
	if t.lastKNN >= 0 && t.data.held != nil {
		r.ValKNNTop1 = &t.lastKNN
	}
	return r
}
