// Package fault sorts the errors a user can cause by who has to act, so that
// the command line can turn each into the exit code it documents.
//
// A library returns fault.Data.Errorf(...) where the data is to blame, and so
// on; callers wrap with %w as always and the kind survives. An error without a
// kind is a failure of the job itself.
package fault

import (
	"errors"
	"fmt"
)

// Kind says which part of the user's input is wrong.
type Kind int

const (
	// Job is every failure that no input is to blame for: a full disk, a lost
	// directory, a broken invariant.
	Job Kind = iota + 1
	// Usage is a wrong command line or configuration.
	Usage
	// Data is a wrong image, folder, manifest or archive.
	Data
	// Checkpoint is a checkpoint that is damaged, too new, or of another model.
	Checkpoint
)

// ExitCode is the process exit status documented for the kind.
func (k Kind) ExitCode() int { return int(k) }

type kindError struct {
	kind Kind
	error
}

func (e kindError) Unwrap() error { return e.error }

// Errorf is fmt.Errorf with a kind attached; %w keeps the cause reachable.
func (k Kind) Errorf(format string, args ...any) error {
	return kindError{k, fmt.Errorf(format, args...)}
}

// Of returns the kind nearest the surface of err's chain, or Job if none was given.
func Of(err error) Kind {
	var e kindError
	if errors.As(err, &e) {
		return e.kind
	}
	return Job
}
