package train

import (
	"cmp"
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"

	"supcon/pkg/checkpoint"
	"supcon/pkg/config"
	"supcon/pkg/infer"
	"supcon/pkg/internal/atomicfile"
	"supcon/pkg/runlog"
)

const (
	// timingShare of the whole time is enough to find out the time of a step.
	timingShare = 0.01
	// Steps that are timed, after the warm-ups: as many as fit that share, but not
	// fewer or more than these.
	fewestTimed, mostTimed = 3, 20
)

// timeCosts times what a run of whole seconds is made of.
func (t *Trainer) timeCosts(ctx context.Context, whole float64) (c costs, err error) {
	phases := func(steps int) []config.Phase {
		p, _ := t.cfg.Phases(steps) // the settings are legal
		return p
	}
	c = costs{phases: phases, saveEvery: t.saveEvery(), saveSeconds: 60 * t.cfg.CheckpointEveryMinutes}
	if c.save, err = t.timeCheckpoint(); err != nil { // first: it finds out whether the run can be made there
		return c, err
	}
	if t.data.held != nil {
		c.validateEvery = t.perEpoch * t.cfg.KNNEveryEpochs
		if c.validation, err = t.timeValidation(ctx); err != nil {
			return c, err
		}
	}
	before := t.tensors()
	for i := range before {
		before[i].Data, before[i].Ints = slices.Clone(before[i].Data), slices.Clone(before[i].Ints)
	}
	if err := t.timePhases(ctx, &c, timingShare*whole); err != nil {
		return c, err
	}
	return c, t.restoreTensors(&checkpoint.File{Tensors: before})
}

// timePhases times steps of each size of view, within so many seconds each: those
// of the first size twice, from files and then from the cache.
func (t *Trainer) timePhases(ctx context.Context, c *costs, within float64) error {
	sizes, err := t.sizes()
	if err != nil {
		return err
	}
	c.step = map[int]float64{}
	first, err := t.timeSteps(ctx, warmUps+mostTimed, within)
	if err != nil {
		return err
	}
	for _, size := range sizes {
		if err := t.useSize(size); err != nil {
			return err
		}
		again, err := t.timeSteps(ctx, len(first), within)
		if err != nil {
			return err
		}
		c.step[size] = median(again[warmUps:])
	}
	c.decoding = max(0, median(first[warmUps:])-c.step[sizes[0]])
	c.decodingSteps = math.MaxInt
	if t.loader.CacheHoldsAll() {
		c.decodingSteps = t.perEpoch
	}
	return nil
}

// timeSteps takes the first steps of the run, so many at most and, but for the
// fewest, no more than fit the time, and returns what each took. The rate of the
// updates is 0: the schedule is not known yet.
func (t *Trainer) timeSteps(ctx context.Context, most int, within float64) (took []float64, err error) {
	t.loader.Start(ctx, 0)
	defer t.loader.Close()
	begun := t.clock.Now()
	for last := begun; len(took) < warmUps+fewestTimed || len(took) < most && last.Sub(begun).Seconds() < within; {
		batch, err := t.loader.Next()
		if err != nil {
			return nil, err
		}
		if _, _, err := t.descend(batch, 0); err != nil {
			return nil, err
		}
		now := t.clock.Now()
		took = append(took, max(0, now.Sub(last).Seconds()))
		last = now
	}
	return took, nil
}

// timeValidation encodes a few images, after others that touch the memory, and
// compares them with a bank of the full size, made of the same few.
func (t *Trainer) timeValidation(ctx context.Context) (float64, error) {
	train, held := t.data.train, t.data.held
	sample := train.Sample(t.cfg.BatchSize)
	var few *infer.Vectors
	var err error
	var encode float64
	for range 2 {
		begun := t.clock.Now()
		if few, err = t.encoder.Collect(ctx, sample, t.cfg.Workers); err != nil {
			return 0, err
		}
		encode = runlog.Since(t.clock, begun).Seconds()
	}
	perImage, n := encode/float64(sample.Len()), len(few.Labels)
	if n == 0 {
		return perImage * float64(train.Len()+held.Len()), nil
	}
	bank := *few
	for len(bank.Labels)+n <= train.Len() {
		bank.Vectors, bank.Labels = append(bank.Vectors, few.Vectors...), append(bank.Labels, few.Labels...)
	}
	begun := t.clock.Now()
	if _, err := t.neighbours(ctx, &bank, few); err != nil {
		return 0, err
	}
	perQuery := runlog.Since(t.clock, begun).Seconds() / float64(n)
	return perImage*float64(train.Len()+held.Len()) + perQuery*float64(held.Len()), nil
}

// errTimed takes a directory back that was made to time it.
var errTimed = errors.New("timed")

// timeCheckpoint saves one where the run will be, and takes it away again.
func (t *Trainer) timeCheckpoint() (took float64, err error) {
	meta, err := t.meta()
	if err != nil {
		return 0, err
	}
	out := cmp.Or(t.dir, filepath.Join(RunsFolder, ".timed"))
	err = atomicfile.MakeDir(out, func(dir string) error {
		begun := t.clock.Now()
		if _, err := checkpoint.SaveStep(dir, meta, t.tensors(), true); err != nil {
			return err
		}
		took = runlog.Since(t.clock, begun).Seconds()
		return errTimed
	})
	if errors.Is(err, errTimed) {
		return took, nil
	}
	return 0, explainRun(out, err)
}
