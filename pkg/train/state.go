package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"supcon/pkg/checkpoint"
	"supcon/pkg/config"
	"supcon/pkg/fault"
	"supcon/pkg/infer"
	"supcon/pkg/runlog"
)

// position is what a checkpoint holds beside parameters and the optimiser's
// state, so that a resumed run ends in the bytes of one that was not stopped.
type position struct {
	Images    string  `json:"images"`         // fingerprint of the list of training images
	Held      string  `json:"held,omitempty"` // and of those held out for validation
	BestKNN   float64 `json:"best_knn"`       // percent, below 0 before the first validation
	LastKNN   float64 `json:"last_knn"`
	SinceBest int     `json:"since_best,omitempty"` // validations since the best one

	Loss epochMean `json:"loss"` // over the steps of the epoch so far

	Settings map[string]string `json:"settings,omitempty"` // config.Run.Settings; older checkpoints have none
}

// save writes a checkpoint of the completed steps and prunes old ones.
func (t *Trainer) save(best bool) error {
	meta, err := t.meta()
	if err != nil {
		return err
	}
	if err := t.metrics.Sync(); err != nil { // no checkpoint is ahead of its metrics
		return err
	}
	path, err := checkpoint.SaveStep(t.dir, meta, t.tensors(), best)
	if err != nil {
		return err
	}
	t.savedAt, t.savedPath = t.step, path
	t.observer.Saved(path)
	return checkpoint.Prune(t.dir, t.cfg.Keep)
}

func (t *Trainer) meta() (checkpoint.Meta, error) {
	spec, err := t.specJSON()
	if err != nil {
		return checkpoint.Meta{}, err
	}
	state, err := json.Marshal(position{
		Images: t.images, Held: t.heldImages(), BestKNN: t.bestKNN, LastKNN: t.lastKNN, SinceBest: t.sinceBest,
		Loss: t.epochLoss, Settings: t.cfg.Settings(),
	})
	if err != nil {
		return checkpoint.Meta{}, fmt.Errorf("train: %w", err)
	}
	return checkpoint.Meta{
		Spec: spec, ImageSize: t.recipe.Size, Mean: t.recipe.Mean, Std: t.recipe.Std,
		Classes: t.data.train.Classes, Loss: t.cfg.Loss, Step: t.step, Epoch: t.step / t.perEpoch,
		Seed: t.cfg.Seed, Branch: string(t.engine.Branch()), State: state,
	}, nil
}

// Resume sets up the run in dir from its last checkpoint, or from step 0 when
// it has none. Of o only Observer and Clock count. The images must be those the
// run began with.
func Resume(ctx context.Context, dir string, o Options) (*Trainer, error) {
	dir = filepath.Clean(dir)
	cfg, err := readRunConfig(dir)
	if err != nil {
		return nil, err
	}
	err = cfg.Validate()
	if err == nil && cfg.Minutes > 0 {
		err = fault.Usage.Errorf("minutes is %g, but a run that has begun goes by the steps that its minutes became; put them back", cfg.Minutes)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, checkpoint.ConfigName), err)
	}
	lock, err := runlog.LockRun(dir) // before looking for a checkpoint, which another trainer might replace
	if err != nil {
		return nil, err
	}
	t, err := resumeLocked(ctx, dir, cfg, lock, o)
	if err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	return t, nil
}

// resumeLocked takes up the run in dir, whose lock is held.
func resumeLocked(ctx context.Context, dir string, cfg config.Run, lock *runlog.Lock, o Options) (*Trainer, error) {
	var saved *checkpoint.File
	found, err := checkpoint.ResolveLast(dir)
	switch {
	case errors.Is(err, checkpoint.ErrNone):
	case err != nil:
		return nil, err
	default:
		if saved, err = checkpoint.Load(found.Path); err != nil {
			return nil, err
		}
	}
	t, err := prepare(ctx, cfg, saved, o)
	if err != nil {
		return nil, err
	}
	t.dir, t.lock = dir, lock
	t.data.notes = append(t.data.notes, found.Notes...)
	if saved != nil {
		if err := t.restore(saved); err != nil {
			return nil, err
		}
		t.saved = nil // its memory
	}
	return t, t.openMetrics()
}

// restore takes up the run where the checkpoint left it.
func (t *Trainer) restore(saved *checkpoint.File) error {
	var p position
	if err := json.Unmarshal(saved.Meta.State, &p); err != nil {
		return fault.Checkpoint.Errorf("checkpoint %q holds no training state to resume from: %w", saved.Path, err)
	}
	if err := t.sameRun(saved, p); err != nil {
		return err
	}
	if err := t.restoreTensors(saved); err != nil {
		return err
	}
	if branch := string(t.engine.Branch()); branch != saved.Meta.Branch {
		t.data.notes = append(t.data.notes, fmt.Sprintf("the run was trained on the %s kernels and goes on with %s; its bytes will differ from an uninterrupted run's", saved.Meta.Branch, branch))
	}
	t.step, t.firstStep, t.savedAt, t.savedPath = saved.Meta.Step, saved.Meta.Step, saved.Meta.Step, saved.Path
	t.bestKNN, t.lastKNN, t.sinceBest, t.epochLoss = p.BestKNN, p.LastKNN, p.SinceBest, p.Loss
	return nil
}

// sameRun refuses settings and images that would make a resumed run another one.
func (t *Trainer) sameRun(saved *checkpoint.File, p position) error {
	if edited := t.cfg.Edited(p.Settings); len(edited) > 0 {
		file, kind := filepath.Join(t.dir, checkpoint.ConfigName), fault.Usage
		if saved.Match(infer.Tensors(t.kept())) != nil { // it may well be the checkpoint that was exchanged
			kind = fault.Checkpoint
		}
		return kind.Errorf("train: %s does not agree with the checkpoint %s: %s; put back what was changed, or start a new run with these settings: supcon train --config %s", file, saved.Path, strings.Join(edited, ", "), file)
	}
	if p.Images != t.images {
		return fault.Data.Errorf("train: the images under %s are no longer those the run in %s began with; put them back, or start a new run", t.cfg.Data, t.dir)
	}
	if held := t.heldImages(); p.Held != "" && p.Held != held {
		return fault.Data.Errorf("train: the validation images of the run in %s are no longer those it began with; put them back, or start a new run", t.dir)
	}
	return nil
}

// heldImages is the fingerprint of the validation images, "" without any.
func (t *Trainer) heldImages() string {
	if t.data.held == nil {
		return ""
	}
	return fingerprint(t.data.held)
}
