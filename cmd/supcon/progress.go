package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"supcon/pkg/train"
)

// plainInterval is the least time between progress lines where stderr is no
// terminal, so that a log file stays readable.
const plainInterval = 10 * time.Second

// fullLineWidth is the least number of columns for all figures and a bar.
const fullLineWidth = 80

// progress shows a training run on stderr: one bar an epoch in a terminal,
// plain lines elsewhere. It implements train.Observer.
type progress struct {
	ui       *ui
	overview train.Overview
	bar      *progressbar.ProgressBar
	epoch    int
	lastLine time.Time
}

func newProgress(u *ui) *progress {
	p := &progress{ui: u, epoch: -1}
	u.endBar = p.finishBar
	return p
}

// Started prints what is about to be trained on what.
func (p *progress) Started(o train.Overview) {
	p.overview = o
	p.lastLine = time.Now()
	p.ui.note("%s", o)
	for _, n := range o.Notes {
		p.ui.note("note: %s", n)
	}
}

// Stepped moves the bar, or prints a line when the last one is old enough.
func (p *progress) Stepped(s train.Progress) {
	switch {
	case p.ui.quiet:
	case p.ui.width > 0:
		p.moveBar(s)
	case time.Since(p.lastLine) >= plainInterval || s.Step == p.overview.TotalSteps:
		p.lastLine = time.Now()
		fmt.Fprintf(p.ui.stderr, "epoch %d/%d  step %d/%d  loss %.4f  lr %.4g  %.0f images/s  %s left\n",
			s.Epoch+1, p.overview.Epochs, s.Step, p.overview.TotalSteps, s.Loss, s.LR, s.ImagesPerSecond, brief(s.Left))
	}
}

func (p *progress) moveBar(s train.Progress) {
	if s.Epoch != p.epoch {
		p.finishBar()
		p.epoch, p.bar = s.Epoch, p.newBar(s)
	}
	p.bar.Describe(p.line(s))
	_ = p.bar.Set(s.StepInEpoch) // the bar's only error is a position past its end
	if s.Step == p.overview.TotalSteps {
		p.finishBar()
	}
}

// line describes a step before the bar, or, in a narrow terminal, what of it fits.
func (p *progress) line(s train.Progress) string {
	if p.ui.width < fullLineWidth {
		return fmt.Sprintf("%d/%d  %.3f", s.Epoch+1, p.overview.Epochs, s.Loss)
	}
	return fmt.Sprintf("epoch %d/%d  loss %.4f  lr %.4g  %.0f images/s  %s left",
		s.Epoch+1, p.overview.Epochs, s.Loss, s.LR, s.ImagesPerSecond, brief(s.Left))
}

func (p *progress) newBar(s train.Progress) *progressbar.ProgressBar {
	return progressbar.NewOptions(s.StepsInEpoch,
		progressbar.OptionSetWriter(p.ui.stderr),
		progressbar.OptionSetWidth(max(4, min(30, p.ui.width-len(p.line(s))-30))),
		progressbar.OptionEnableColorCodes(os.Getenv("NO_COLOR") == ""),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionShowCount(),
	)
}

func (p *progress) finishBar() {
	if p.bar != nil {
		_ = p.bar.Exit()
		_, _ = io.WriteString(p.ui.stderr, "\n")
		p.bar, p.epoch = nil, -1
	}
}

// Validated reports a nearest-neighbour score on the validation images.
func (p *progress) Validated(epoch int, knnTop1 float64, best bool) {
	mark := ""
	if best {
		mark = ", the best so far"
	}
	p.ui.note("epoch %d: validation kNN top-1 %.2f %%%s", epoch, knnTop1, mark)
}

// Saved reports a checkpoint to those who asked for more.
func (p *progress) Saved(path string) { p.ui.detail("saved %s", path) }

// Noted passes on what the trainer wants the user to know.
func (p *progress) Noted(text string) {
	p.ui.note("note: %s", text)
}

// brief is a duration to the second, or to the minute from an hour up.
func brief(d time.Duration) string {
	if d >= time.Hour {
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return d.Round(time.Second).String()
}
