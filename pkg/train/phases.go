package train

import (
	"context"
)

// planPhases cuts the run into phases by the size of the views and builds the graph of the first.
func (t *Trainer) planPhases() (err error) {
	if t.phases, err = t.cfg.Phases(t.total); err != nil {
		return err
	}
	for _, p := range t.phases {
		if err := t.net.Spec().CheckSize(p.Size); err != nil {
			return err
		}
	}
	t.phase = 0
	return t.buildGraph(t.phases[0].Size)
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
	phase := t.phaseAt(t.step)
	size := t.phases[phase].Size
	if size != t.phases[t.phase].Size {
		if err := t.buildGraph(size); err != nil {
			return err
		}
	}
	t.phase = phase
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
	t.loader.Start(ctx, t.step)
	return nil
}
