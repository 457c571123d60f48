// Package train joins the rooms into a training run: data, views, graph, loss,
// optimiser, checkpoints and metrics. Trainer.Run is the loop.
package train

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"supcon/pkg/augment"
	"supcon/pkg/checkpoint"
	"supcon/pkg/config"
	"supcon/pkg/fault"
	"supcon/pkg/infer"
	"supcon/pkg/kernel"
	"supcon/pkg/loader"
	"supcon/pkg/model"
	"supcon/pkg/optim"
	"supcon/pkg/runlog"
)

// Trainer is a run that has been set up. Run carries it out; Close releases it.
type Trainer struct {
	cfg      config.Run
	dir      string
	observer Observer
	clock    runlog.Clock

	data     *images
	saved    *checkpoint.File // what the run resumes from; nil for a new one
	images   string           // fingerprint of the training images
	recipe   *augment.Recipe
	engine   *kernel.Engine
	net      *model.Net
	average  *model.Net // of net over the steps; nil without ema
	graph    *model.TrainGraph
	solver   optim.Solver
	schedule optim.Schedule
	loader   *loader.Loader
	encoder  *infer.Encoder // of the validation; nil without one
	metrics  *runlog.Metrics
	lock     *runlog.Lock

	groups          []int // (M) of the batch in hand
	phases          []config.Phase
	phase           int // of the step in hand
	size            int // of the graph's views
	step            int // completed updates
	firstStep       int // where this process began
	total, perEpoch int
	bestKNN         float64 // percent; below 0 before the first validation
	lastKNN         float64
	sinceBest       int // validations since the best one
	savedAt         int // step of the last checkpoint, -1 for none
	savedPath       string
	saveTimer       *runlog.Every
	begun           time.Time       // setting up
	started         time.Time       // the steps
	waited          time.Duration   // for images while setting up
	notedSkips      map[string]bool // paths of unreadable images that were named
	heldSkipped     int             // unreadable images of the validation part
	pace            pace
	watch           *watch
	epochLoss       epochMean
}

// Options of New and Resume.
type Options struct {
	Out      string // run directory to make; "" = runs/<time>-<model>-<loss>
	Observer Observer
	Clock    runlog.Clock // nil = the machine's
}

// New sets up a run of cfg. The run directory appears last, when everything
// that can be checked before the first step has been; it is locked until Close.
func New(ctx context.Context, cfg config.Run, o Options) (*Trainer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	t, err := prepare(ctx, cfg, nil, o)
	if err != nil {
		return nil, err
	}
	if t.dir, err = createRun(o.Out, t.cfg, t.clock.Now()); err != nil {
		return nil, err
	}
	if t.lock, err = runlog.LockRun(t.dir); err != nil {
		return nil, err
	}
	return t, t.openMetrics()
}

// prepare builds everything but the run directory; saved is the checkpoint a
// resumed run starts from, or nil.
func prepare(ctx context.Context, cfg config.Run, saved *checkpoint.File, o Options) (*Trainer, error) {
	t := &Trainer{dir: o.Out, saved: saved, cfg: cfg, observer: o.Observer, clock: o.Clock, bestKNN: -1, lastKNN: -1, savedAt: -1, notedSkips: map[string]bool{}}
	if t.clock == nil {
		t.clock = runlog.System{}
	}
	t.begun = t.clock.Now()
	if err := t.spec(2).ForImages(cfg.ImageSize).Check(); err != nil { // before any image is read
		return nil, err
	}
	for _, stage := range []func(context.Context) error{t.prepareData, t.prepareModel, t.prepareLoop, t.settleLength, t.prepareSchedule} {
		if err := stage(ctx); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// spec describes the model of the run for data of so many classes.
func (t *Trainer) spec(classes int) model.Spec {
	if t.cfg.Contrastive() {
		return model.Spec{Name: t.cfg.Model, Head: t.cfg.Head, ProjDim: t.cfg.ProjDim}
	}
	return model.Spec{Name: t.cfg.Model, Classes: classes}
}

func (t *Trainer) prepareData(ctx context.Context) (err error) {
	if t.data, err = openImages(t.cfg); err != nil {
		return err
	}
	if err := t.data.check(t.cfg); err != nil {
		return err
	}
	t.images = fingerprint(t.data.train)
	t.recipe, err = t.data.recipe(ctx, &t.cfg, t.saved)
	return err
}

func (t *Trainer) prepareModel(ctx context.Context) (err error) {
	cfg := t.cfg
	if t.engine, err = kernel.New(kernel.Options{Threads: cfg.Threads, Conv: cfg.Conv}); err != nil {
		return fault.Usage.Errorf("%w", err)
	}
	spec := t.spec(len(t.data.train.Classes)).ForImages(cfg.ImageSize)
	if err := spec.CheckSize(cfg.ImageSize); err != nil {
		return err
	}
	if t.net, err = model.New(spec, cfg.Seed); err != nil {
		return err
	}
	if cfg.Init == config.Whitened && t.saved == nil {
		if err := t.whiten(ctx); err != nil {
			return err
		}
	}
	if cfg.EMA > 0 {
		if err := t.startAverage(); err != nil {
			return err
		}
	}
	t.groups = make([]int, cfg.BatchSize*cfg.Views)
	if t.data.held == nil {
		return nil
	}
	t.encoder, err = infer.New(t.engine, t.kept(), t.recipe, infer.Options{Layer: infer.EncoderLayer, FailOnBad: cfg.OnBadImage == config.FailBad})
	return err
}

func (t *Trainer) prepareLoop(context.Context) (err error) {
	cfg := t.cfg
	t.loader, err = loader.New(t.data.train, t.recipe, loader.Options{
		Batch: cfg.BatchSize, Views: cfg.Views, Workers: cfg.Workers, Seed: cfg.Seed,
		CacheBytes: cacheBytes(cfg.CacheMem), PerClass: cfg.PerClass, FailOnBad: cfg.OnBadImage == config.FailBad,
	})
	if err != nil {
		return err
	}
	t.perEpoch = t.loader.StepsPerEpoch()
	sizes, err := t.sizes()
	if err != nil {
		return err
	}
	if err := t.useSize(sizes[0]); err != nil {
		return err
	}
	t.solver, err = optim.New(t.engine, cfg.Solver(), parameters(t.graph))
	return err
}

// prepareSchedule needs the length of the run.
func (t *Trainer) prepareSchedule(context.Context) (err error) {
	cfg := t.cfg
	t.total = cfg.Steps
	if t.total == 0 {
		t.total = cfg.Epochs * t.perEpoch
	}
	if t.phases, err = cfg.Phases(t.total); err != nil {
		return err
	}
	warmup := min(int(cfg.WarmupEpochs*float64(t.perEpoch)), t.total)
	t.schedule = cfg.LearningRates(t.total, warmup, t.perEpoch)
	if note := lateFall(t.schedule); note != "" {
		t.data.notes = append(t.data.notes, note)
	}
	if warmup == t.total && t.total > 0 {
		t.data.notes = append(t.data.notes, fmt.Sprintf("the warm-up of %g epochs takes the whole run of %d steps, so the learning rate only climbs; give a shorter --warmup-epochs or a longer run", cfg.WarmupEpochs, t.total))
	}
	t.watch = newWatch(cfg.Contrastive(), cfg.BatchSize*cfg.Views, len(t.data.train.Classes), warmup)
	return t.schedule.Check()
}

// cacheBytes is a setting as the loader takes it.
func cacheBytes(size config.Size) int64 {
	switch size {
	case config.AutoSize:
		return 0
	case 0:
		return -1
	}
	return int64(size)
}

// openMetrics opens the run's metrics at the current step.
func (t *Trainer) openMetrics() (err error) {
	t.metrics, err = runlog.OpenMetrics(filepath.Join(t.dir, runlog.MetricsFile), t.step)
	return err
}

// Overview describes the run.
func (t *Trainer) Overview() Overview {
	o := Overview{
		Run: t.dir, Model: t.net.Spec().String(), Parameters: t.net.ParamCount(), Config: t.cfg,
		Images: t.data.train.Len(), Classes: len(t.data.train.Classes),
		Epochs: (t.total + t.perEpoch - 1) / t.perEpoch, TotalSteps: t.total, FirstStep: t.step,
		Branch: string(t.engine.Branch()), Threads: t.engine.Threads(), Notes: t.data.notes,
	}
	if t.data.held != nil {
		o.ValidationImages = t.data.held.Len()
	}
	return o
}

// Close ends the loader and releases the run directory. It may be called twice.
func (t *Trainer) Close() error {
	t.loader.Close()
	var first error
	if t.metrics != nil {
		first = t.metrics.Close()
		t.metrics = nil
	}
	if t.lock != nil {
		if err := t.lock.Release(); first == nil {
			first = err
		}
		t.lock = nil
	}
	return first
}

// specJSON is the model's spec as a checkpoint holds it.
func (t *Trainer) specJSON() (json.RawMessage, error) {
	text, err := json.Marshal(t.net.Spec())
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return text, nil
}
