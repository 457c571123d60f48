package runlog

import (
	"testing"
	"time"
)

type fakeClock struct{ now time.Time }

func (c *fakeClock) Now() time.Time          { return c.now }
func (c *fakeClock) advance(d time.Duration) { c.now = c.now.Add(d) }

func TestSinceIsNeverNegative(t *testing.T) {
	c := &fakeClock{time.Unix(1000, 0)}
	start := c.Now()
	c.advance(3 * time.Second)
	if got := Since(c, start); got != 3*time.Second {
		t.Errorf("after 3 s: %v", got)
	}
	c.advance(-time.Hour)
	if got := Since(c, start); got != 0 {
		t.Errorf("after a jump back: %v", got)
	}
}

func TestEvery(t *testing.T) {
	c := &fakeClock{time.Unix(1000, 0)}
	e := NewEvery(c, time.Minute)
	for i, step := range []struct {
		advance time.Duration
		due     bool
	}{
		{0, false},
		{59 * time.Second, false},
		{time.Second, true},
		{0, false},
		{10 * time.Minute, true}, // once, however long it was
		{0, false},
		{-time.Hour, false}, // the clock is set back: a minute from there
		{59 * time.Second, false},
		{time.Second, true},
	} {
		c.advance(step.advance)
		if got := e.Due(); got != step.due {
			t.Errorf("step %d: due is %v, want %v", i, got, step.due)
		}
	}
	never := NewEvery(c, 0)
	c.advance(time.Hour)
	if never.Due() {
		t.Error("an interval of 0 is due")
	}
}

func TestSystemClockRuns(t *testing.T) {
	start := System{}.Now()
	if start.Before(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)) || Since(System{}, start) < 0 {
		t.Errorf("the clock says %v", start)
	}
}
