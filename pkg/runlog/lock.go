package runlog

import (
	"fmt"
	"path/filepath"

	"github.com/gofrs/flock"

	"supcon/pkg/fault"
)

// lockFile stays in the run directory when the lock is released: removing it
// could take it from under another process that has just locked it.
const lockFile = ".lock"

// Lock is the right to write into a run directory. The operating system
// releases it when the process dies, however it dies.
type Lock struct{ lock *flock.Flock }

// LockRun takes the lock of a run directory. That another process has it is a
// fault.Usage.
func LockRun(run string) (*Lock, error) {
	l := flock.New(filepath.Join(run, lockFile))
	locked, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("runlog: lock %q: %w", run, err)
	}
	if !locked {
		return nil, fault.Usage.Errorf("another process is training in %q: wait for it to end, or train in another directory", run)
	}
	return &Lock{l}, nil
}

// Release gives the lock back.
func (l *Lock) Release() error {
	if err := l.lock.Close(); err != nil {
		return fmt.Errorf("runlog: unlock: %w", err)
	}
	return nil
}
