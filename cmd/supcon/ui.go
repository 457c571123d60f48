package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// ui is the program's one voice: results on stdout, everything else on stderr.
type ui struct {
	stdout, stderr io.Writer
	quiet, verbose bool
	width          int    // columns of the terminal behind stderr, 0 when it is none
	err            error  // the first failure to print a result
	endBar         func() // ends a progress bar, so that the next text has a line of its own
}

func newUI(stdout, stderr io.Writer) *ui {
	u := &ui{stdout: stdout, stderr: stderr, endBar: func() {}}
	if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		u.width = 80
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			u.width = columns
		}
	}
	return u
}

// note tells the user something worth knowing that is no failure.
func (u *ui) note(format string, args ...any) {
	if !u.quiet {
		u.endBar()
		fmt.Fprintf(u.stderr, "supcon: "+format+"\n", args...)
	}
}

// detail is a note for those who asked for more.
func (u *ui) detail(format string, args ...any) {
	if u.verbose {
		u.note(format, args...)
	}
}

// failure prints an error as one line, whatever the library put in it.
func (u *ui) failure(err error) {
	u.endBar()
	fmt.Fprintf(u.stderr, "supcon: %s\n", strings.Join(strings.Fields(err.Error()), " "))
}

// interrupted reports the end after a signal: what was saved, or nothing more
// than that the job stopped.
func (u *ui) interrupted(err error) {
	u.endBar()
	var saved resumable
	if errors.As(err, &saved) {
		fmt.Fprintf(u.stderr, "supcon: stopped after step %d and saved; go on with: supcon train --resume %s\n", saved.step, saved.run)
		return
	}
	fmt.Fprintln(u.stderr, "supcon: interrupted; nothing half-written was left")
}

// printJSON prints a result as the one JSON object on stdout.
func (u *ui) printJSON(result any) error {
	encoder := json.NewEncoder(u.stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(result); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	return nil
}

// row prints one `name  value` line of a result.
func (u *ui) row(name, format string, args ...any) {
	_, err := fmt.Fprintf(u.stdout, "%-13s "+format+"\n", append([]any{name}, args...)...)
	if err != nil && u.err == nil {
		u.err = fmt.Errorf("print result: %w", err)
	}
}
