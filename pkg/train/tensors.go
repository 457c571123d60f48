package train

import (
	"strings"

	"supcon/pkg/checkpoint"
	"supcon/pkg/fault"
	"supcon/pkg/infer"
	"supcon/pkg/model"
	"supcon/pkg/optim"
)

// What keeps arrays apart from those of the model, which have no prefix.
const (
	optimizerPrefix = "optimizer."
	trainedPrefix   = "trained." // the weights in training, where the model's are their average
)

// kept is the net that is validated and used: the average, where there is one.
func (t *Trainer) kept() *model.Net {
	if t.average != nil {
		return t.average
	}
	return t.net
}

// startAverage begins the average with the net as it is.
func (t *Trainer) startAverage() (err error) {
	if t.average, err = model.New(t.net.Spec(), t.cfg.Seed); err != nil {
		return err
	}
	return t.average.Load(t.net.State())
}

// averageDecay is the decay of the average at the update after `step` completed
// ones. It begins low, so that the random weights of the start are soon forgotten:
//
//	min(ema, (1+t)/(10+t)),  t = step + 1
//
// as TensorFlow's ExponentialMovingAverage has it with num_updates.
func averageDecay(ema float64, step int) float64 {
	t := float64(step + 1)
	return min(ema, (1+t)/(10+t))
}

// tensors are the state of the net that is kept, of the one in training if that
// is another, and of the optimiser. They share memory with the trainer.
func (t *Trainer) tensors() []checkpoint.Tensor {
	tensors := infer.Tensors(t.kept())
	if t.average != nil {
		for _, own := range infer.Tensors(t.net) {
			own.Name = trainedPrefix + own.Name
			tensors = append(tensors, own)
		}
	}
	for _, s := range t.solver.State() {
		tensors = append(tensors, checkpoint.Tensor{Name: optimizerPrefix + s.Name, Shape: s.Shape, Data: s.Data})
	}
	return tensors
}

// restoreTensors puts back what tensors gave.
func (t *Trainer) restoreTensors(saved *checkpoint.File) error {
	if err := infer.Restore(t.kept(), saved); err != nil {
		return err
	}
	if t.average != nil {
		trained := &checkpoint.File{Path: saved.Path, Tensors: under(trainedPrefix, saved.Tensors)}
		if len(trained.Tensors) == 0 {
			return fault.Checkpoint.Errorf("checkpoint %q was made without ema and holds no average; set ema to 0 in the run's %s", saved.Path, checkpoint.ConfigName)
		}
		if err := infer.Restore(t.net, trained); err != nil {
			return err
		}
	}
	var state []optim.State
	for _, s := range under(optimizerPrefix, saved.Tensors) {
		state = append(state, optim.State{Name: s.Name, Shape: s.Shape, Data: s.Data})
	}
	return t.solver.Restore(state)
}

// under are the tensors whose names begin with the prefix, without it.
func under(prefix string, tensors []checkpoint.Tensor) []checkpoint.Tensor {
	var found []checkpoint.Tensor
	for _, s := range tensors {
		if name, ok := strings.CutPrefix(s.Name, prefix); ok {
			s.Name = name
			found = append(found, s)
		}
	}
	return found
}
