// Package runlog keeps the record of a run: metrics.jsonl, the lock that keeps a
// second trainer out of the run's directory, and the clock.
//
// metrics.jsonl is one JSON object a line, written in one piece at the end of a
// line and never changed afterwards:
//
//	{"step":390,"epoch":1,"loss":4.87,"lr":0.05,…}
//
// `step` counts completed updates and never falls from line to line; several
// lines may share one. The keys keep the order in which the writer gave them.
// Numbers that are none (NaN, infinities) are null.
//
// So that a resumed run has no gap and no double line, the trainer writes the
// lines of a step and calls Sync before it saves the checkpoint of that step, and
// reopens the log with the step that it resumes from.
package runlog
