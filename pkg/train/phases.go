package train

import (
	"context"
	"slices"

	"supcon/pkg/loss"
	"supcon/pkg/model"
	"supcon/pkg/op"
)

// sizes are those of the views in a run that is long enough for all of them, in
// their order.
func (t *Trainer) sizes() ([]int, error) {
	const long = 1 << 40 // steps
	phases, err := t.cfg.Phases(long)
	if err != nil {
		return nil, err
	}
	var sizes []int
	for _, p := range phases {
		if err := t.net.Spec().CheckSize(p.Size); err != nil {
			return nil, err
		}
		if !slices.Contains(sizes, p.Size) {
			sizes = append(sizes, p.Size)
		}
	}
	return sizes, nil
}

// phaseAt is the phase of the step after `step` completed ones.
func (t *Trainer) phaseAt(step int) int {
	at := 0
	for i, p := range t.phases {
		if p.From <= step {
			at = i
		}
	}
	return at
}

// startPhase makes ready for the step to come: the graph for its size, and the views from it on.
func (t *Trainer) startPhase(ctx context.Context) error {
	t.phase = t.phaseAt(t.step)
	if err := t.useSize(t.phases[t.phase].Size); err != nil {
		return err
	}
	t.loader.Start(ctx, t.step)
	return nil
}

// useSize makes the graph for views of size×size pixels, in the place of one for another size, and has
// the loader make such views from its next Start on.
func (t *Trainer) useSize(size int) error {
	if size != t.size {
		if err := t.buildGraph(size); err != nil {
			return err
		}
	}
	recipe := t.recipe
	if size != recipe.Size {
		resized := t.cfg
		resized.ImageSize = size
		var err error
		if recipe, err = resized.RecipeFor(t.recipe.Mean, t.recipe.Std); err != nil {
			return err
		}
	}
	t.loader.SetRecipe(recipe)
	return nil
}

// buildGraph makes the training graph for views of size×size pixels, in the place of an earlier one.
func (t *Trainer) buildGraph(size int) (err error) {
	if t.graph != nil {
		if err := t.graph.Close(); err != nil {
			return err
		}
	}
	objective := op.LossConfig{Variant: loss.Variant(t.cfg.Loss), Temperature: t.cfg.Temperature, BaseTemperature: t.cfg.BaseTemperature}
	t.graph, err = t.net.TrainGraph(t.engine, model.Shape{Rows: len(t.groups), H: size, W: size}, objective)
	t.size = size
	return err
}
