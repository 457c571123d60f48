package train

import (
	"fmt"
	"time"

	"supcon/pkg/config"
)

// Observer is told how a run goes. Its methods are called one at a time from
// the goroutine that runs Trainer.Run, and delay the run while they last.
type Observer interface {
	// Started is called once, before the first step.
	Started(Overview)
	// Stepped is called after each optimiser step.
	Stepped(Progress)
	// Validated gives a kNN top-1 in percent on the validation images after
	// `epoch` whole epochs, and whether it is the best of the run so far.
	Validated(epoch int, knnTop1 float64, best bool)
	// Saved is called when a checkpoint is safely on disk.
	Saved(path string)
	// Noted passes on something the user should know.
	Noted(text string)
}

// Overview says what a run is about to do.
type Overview struct {
	Run                string // the run directory
	Model              string
	Parameters         int
	Config             config.Run // every automatic setting resolved
	Images, Classes    int
	ValidationImages   int
	Epochs, TotalSteps int
	FirstStep          int // completed steps that a resumed run starts from
	Branch             string
	Threads            int
	Notes              []string
}

// String is the overview in two sentences.
func (o Overview) String() string {
	c := o.Config
	data := fmt.Sprintf("%d images", o.Images)
	if o.Classes > 0 {
		data += fmt.Sprintf(" of %d classes", o.Classes)
	}
	if o.ValidationImages > 0 {
		data += fmt.Sprintf(" (%d more for validation)", o.ValidationImages)
	}
	objective := c.Loss
	if c.Contrastive() {
		objective += fmt.Sprintf(" loss (temperature %g)", c.Temperature)
	}
	return fmt.Sprintf("training %s (%.2f M parameters) with %s on %s at %d px into %s; %d steps of %d images x %d views, %s lr %.4g, %d threads of %s",
		o.Model, float64(o.Parameters)/1e6, objective, data, c.ImageSize, o.Run, o.TotalSteps, c.BatchSize, c.Views, c.Optimizer, c.LR, o.Threads, o.Branch)
}

// Progress is the state of a run after a step.
type Progress struct {
	Step            int // completed steps of the run
	Epoch           int // zero-based epoch the step belonged to
	StepInEpoch     int // completed steps of that epoch
	StepsInEpoch    int
	Loss            float64 // of this step
	LR              float64
	ImagesPerSecond float64 // over the last steps
	Left            time.Duration
}
