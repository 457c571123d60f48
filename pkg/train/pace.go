package train

import "time"

// paceWindow is how many steps a speed is averaged over.
const paceWindow = 20

// pace measures the speed of the last steps. Validations and checkpoints between
// two steps count as part of the later one.
type pace struct {
	ticks []time.Time
}

// tick notes the end of a step, or the start of the first.
func (p *pace) tick(now time.Time) {
	if len(p.ticks) > paceWindow {
		copy(p.ticks, p.ticks[1:])
		p.ticks = p.ticks[:paceWindow]
	}
	p.ticks = append(p.ticks, now)
}

// stepsPerSecond is 0 until it is known.
func (p *pace) stepsPerSecond() float64 {
	if len(p.ticks) < 2 {
		return 0
	}
	seconds := p.ticks[len(p.ticks)-1].Sub(p.ticks[0]).Seconds()
	if seconds <= 0 { // a clock that was set back
		return 0
	}
	return float64(len(p.ticks)-1) / seconds
}

// epochMean is the mean loss over the steps of the epoch in hand.
type epochMean struct {
	Epoch int     `json:"epoch"`
	Steps int     `json:"steps"`
	Sum   float64 `json:"sum"`
}

func (m *epochMean) add(epoch int, loss float64) {
	if epoch != m.Epoch {
		*m = epochMean{Epoch: epoch}
	}
	m.Steps++
	m.Sum += loss
}

func (m *epochMean) mean() float64 { return m.Sum / float64(max(m.Steps, 1)) }
