package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"supcon/pkg/fault"
	"supcon/pkg/kernel"
	"supcon/pkg/runlog"
)

// runner does the runs of studies, one at a time.
type runner struct {
	data, work, results string
	python              string // of the peer; "" = our side
	threads             int    // 0 = all cores
	log                 io.Writer

	images images
	commit string
	binary string // the program, built from the sources here
}

// run does what is not done yet.
func (r *runner) run(ctx context.Context, studies []study) (err error) {
	side := sideOurs
	if r.python != "" {
		side = sidePeer
	}
	missing, err := r.missing(studies, side)
	if err != nil || len(missing) == 0 {
		return err
	}
	if err := os.MkdirAll(r.work, 0o777); err != nil {
		return err
	}
	lock, err := runlog.LockRun(r.work)
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, lock.Release()) }()
	if err := r.prepare(ctx); err != nil {
		return err
	}
	return r.each(ctx, missing)
}

// each does the runs in turn and keeps the result of each as soon as it is there.
func (r *runner) each(ctx context.Context, missing []job) error {
	began := time.Now()
	for i, j := range missing {
		left := ""
		if i > 0 {
			perRun := time.Since(began) / time.Duration(i)
			left = fmt.Sprintf("; %v left", (perRun * time.Duration(len(missing)-i)).Round(time.Second))
		}
		r.note("%d of %d: %s, %s, %s, seed %d%s", i+1, len(missing), j.Side, j.study.name, j.variant.label(), j.Seed, left)
		result, err := r.do(ctx, j)
		if ctx.Err() != nil {
			return errInterrupted
		}
		if err == nil {
			err = appendResult(r.results, result)
		}
		if err != nil {
			return err
		}
		r.note("linear probe %.2f %%, kNN %.2f %%, %.1f s of training", result.Top1, result.KNNTop1, result.TrainS)
	}
	return nil
}

func (r *runner) note(format string, args ...any) {
	_, _ = fmt.Fprintf(r.log, "study: "+format+"\n", args...)
}

// missing lists the runs of a side without a result, each once though several
// studies may have it.
func (r *runner) missing(studies []study, side string) ([]job, error) {
	results, err := readResults(r.results)
	if err != nil {
		return nil, err
	}
	done := map[string]bool{}
	for _, r := range results {
		done[r.key()] = true
	}
	var missing []job
	all := 0
	for i := range studies {
		s := &studies[i]
		if side == sidePeer && !s.Peer {
			return nil, fault.Usage.Errorf("the study %s has no peer; leave --peer out", s.name)
		}
		for _, j := range s.jobs(side) {
			all++
			if !done[j.key()] {
				missing = append(missing, j)
				done[j.key()] = true
			}
		}
	}
	r.note("%d of %d runs of %s to do", len(missing), all, side)
	return missing, nil
}

// prepare builds the program and opens the images.
func (r *runner) prepare(ctx context.Context) (err error) {
	if r.images, err = openImages(r.data); err != nil {
		return err
	}
	r.commit = commit(ctx)
	if r.python != "" {
		return nil
	}
	if r.binary, err = filepath.Abs(filepath.Join(r.work, "supcon")); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		r.binary += ".exe"
	}
	out, err := exec.CommandContext(ctx, "go", "build", "-o", r.binary, "./cmd/supcon").CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build ./cmd/supcon, which must be done from the repository's root: %w: %s", err, out)
	}
	return nil
}

// do does one run, from nothing: what an interrupted one has left goes.
func (r *runner) do(ctx context.Context, j job) (result, error) {
	out := result{
		identity: j.identity, Images: cmp.Or(j.Subset, r.images.train.Len()), TestImages: r.images.test.Len(),
		Format: r.images.format(), Commit: r.commit, Branch: string(kernel.Branches()[0]), Threads: cmp.Or(r.threads, runtime.GOMAXPROCS(0)),
	}
	side := r.ours
	if j.Side == sidePeer {
		side = r.peer
	}
	began := time.Now()
	err := side(ctx, j, &out)
	out.Finished = time.Now().UTC().Truncate(time.Second)
	out.WallS = seconds(time.Since(began).Seconds())
	return out, err
}

// seconds rounds up to milliseconds, which are read more easily.
func seconds(s float64) float64 { return math.Ceil(1e3*s) / 1e3 }
