package train

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"supcon/pkg/config"
	"supcon/pkg/fault"
	"supcon/pkg/runlog"
)

// spare is the share of the time left that nothing is planned for: steps vary.
const spare = 0.02

// settleLength turns a length in minutes into the steps that end within them,
// counted from the beginning of setting up. Real steps, some of a validation, and
// a checkpoint are timed for it; what they change is put back, so that the run is
// the one that these steps as its length give.
func (t *Trainer) settleLength(ctx context.Context) error {
	if t.cfg.Minutes == 0 {
		return nil
	}
	whole := 60 * t.cfg.Minutes
	c, err := t.timeCosts(ctx, whole)
	if err != nil {
		return err
	}
	spent := runlog.Since(t.clock, t.begun).Seconds()
	if spent >= whole {
		return fault.Usage.Errorf("train: setting up took %s, and the run may take %g minutes in all; give more --minutes, or the length in --steps", seconds(spent), t.cfg.Minutes)
	}
	steps := c.steps((1 - spare) * (whole - spent))
	note := fmt.Sprintf("%g minutes are %d steps (%.1f epochs), %s each, after %s of setting up; checkpoints (%d × %s)",
		t.cfg.Minutes, steps, float64(steps)/float64(t.perEpoch), seconds(c.of(steps)/float64(steps)), seconds(spent), times(steps, c.saveEvery), seconds(c.save))
	if c.validateEvery > 0 {
		note += fmt.Sprintf(" and validations (%d × %s)", times(steps, c.validateEvery), seconds(c.validation))
	}
	t.data.notes = append(t.data.notes, note+" are counted in")
	t.cfg.Steps, t.cfg.Minutes, t.waited = steps, 0, t.loader.Wait()
	return nil
}

// seconds as a person reads them.
func seconds(s float64) time.Duration {
	d := time.Duration(s * float64(time.Second))
	if d >= 10*time.Second {
		return d.Round(time.Second)
	}
	return d.Round(time.Millisecond)
}

// costs are what the time of a run goes to, in seconds.
type costs struct {
	phases                   func(steps int) []config.Phase
	step                     map[int]float64 // by the size of the views, their images in memory
	decoding                 float64         // what a step takes more whose images are not
	decodingSteps            int             // how many of these there are at most
	validation, save         float64
	validateEvery, saveEvery int     // steps; 0 for never
	saveSeconds              float64 // between further checkpoints; 0 for none
}

// of is what a run of n steps takes.
func (c costs) of(n int) float64 {
	s := float64(min(n, c.decodingSteps)) * c.decoding
	end := n
	for _, p := range slices.Backward(c.phases(n)) {
		s += float64(end-p.From) * c.step[p.Size]
		end = p.From
	}
	s += float64(times(n, c.validateEvery))*c.validation + float64(times(n, c.saveEvery))*c.save
	if c.saveSeconds > 0 {
		s += s / c.saveSeconds * c.save
	}
	return s
}

// times is how often something happens in n steps that is done every so many
// steps and after the last.
func times(n, every int) int {
	if every == 0 {
		return 0
	}
	return (n + every - 1) / every
}

// steps is the greatest number of steps that take no longer than that, or 1.
func (c costs) steps(within float64) int {
	shortest := math.Inf(1)
	for _, s := range c.step {
		shortest = min(shortest, s)
	}
	most := int(within/max(shortest, 1e-6)) + 1 // more than a million steps a second is a clock that stands still
	return max(1, sort.Search(most, func(n int) bool { return c.of(n+1) > within }))
}
