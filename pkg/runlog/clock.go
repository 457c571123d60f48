package runlog

import "time"

// Clock tells the time. Tests put their own in its place, one that jumps for example.
type Clock interface{ Now() time.Time }

// System is the machine's clock.
type System struct{}

// Now implements Clock.
func (System) Now() time.Time { return time.Now() }

// Since is the time from start to now, never negative: a clock that was set
// back in between gives 0.
func Since(c Clock, start time.Time) time.Duration { return max(0, c.Now().Sub(start)) }

// Every says when something that happens at intervals is due: a checkpoint by
// the minute, a line of progress.
type Every struct {
	clock    Clock
	interval time.Duration
	last     time.Time
}

// NewEvery starts the first interval now. An interval of 0 or less is never due.
func NewEvery(c Clock, interval time.Duration) *Every {
	return &Every{c, interval, c.Now()}
}

// Due tells whether an interval has passed since it last said so, and then
// starts the next. When the clock was set back it starts the interval anew rather
// than wait for the clock to come round again.
func (e *Every) Due() bool {
	if e.interval <= 0 {
		return false
	}
	now := e.clock.Now()
	if now.Before(e.last) {
		e.last = now
	}
	if now.Sub(e.last) < e.interval {
		return false
	}
	e.last = now
	return true
}
