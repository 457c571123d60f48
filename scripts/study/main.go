// Command study trains what the studies of configs/study describe, one run at a
// time, and makes a page of the results:
//
//	go run ./scripts/study run --data cifar configs/study/loss.yaml …
//	go run ./scripts/study run --data cifar --peer python3 configs/study/parity.yaml
//	go run ./scripts/study render
//
// DIR in --data DIR holds train/ and test/ as scripts/cifar10 makes them. Each
// finished run adds one line to scripts/study/results.jsonl, and runs that have
// a line are skipped: Ctrl-C loses no more than the run in hand. render makes
// scripts/study/RESULTS.md and its plots of the file, and nothing else does. Both
// are run from the repository's root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"supcon/pkg/fault"
)

const usage = `usage: go run ./scripts/study run [--data DIR] [--peer PYTHON] STUDY.yaml...
       go run ./scripts/study render
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stderr)
	stop()
	os.Exit(code)
}

// errInterrupted is the end after Ctrl-C.
var errInterrupted = errors.New("interrupted; the same command goes on with the runs that are missing")

// run is the program; it returns supcon's exit codes.
func run(ctx context.Context, args []string, stderr io.Writer) int {
	err := dispatch(ctx, args, stderr)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		return 0 // the flag package has printed the usage
	}
	_, _ = fmt.Fprintf(stderr, "study: %v\n", err)
	if errors.Is(err, errInterrupted) {
		return 130
	}
	return fault.Of(err).ExitCode()
}

func dispatch(ctx context.Context, args []string, stderr io.Writer) error {
	if len(args) == 0 {
		args = []string{""}
	}
	switch args[0] {
	case "run":
		return runCommand(ctx, args[1:], stderr)
	case "render":
		return renderCommand(args[1:])
	default:
		return fault.Usage.Errorf("%q is no command\n%s", args[0], usage)
	}
}

// renderCommand makes the page anew.
func renderCommand(args []string) error {
	if len(args) > 0 {
		return fault.Usage.Errorf("render takes no arguments: the page is made of all studies and results")
	}
	paths, err := filepath.Glob("configs/study/*.yaml")
	if err != nil {
		return err
	}
	studies, err := loadStudies(paths)
	if err != nil {
		return err
	}
	return writePage(filepath.Dir(resultsFile), resultsFile, studies)
}

func runCommand(ctx context.Context, args []string, stderr io.Writer) error {
	r := runner{log: stderr}
	flags := flag.NewFlagSet("study run", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { _, _ = fmt.Fprint(stderr, usage); flags.PrintDefaults() }
	flags.StringVar(&r.data, "data", "cifar", "folder that holds train/ and test/, one folder a class in each")
	flags.StringVar(&r.work, "work", "runs/study", "folder for run directories")
	flags.StringVar(&r.results, "results", resultsFile, "file to add results to")
	flags.StringVar(&r.python, "peer", "", "a Python with torch and torchvision: run the peer's side instead of supcon's")
	flags.IntVar(&r.threads, "threads", 0, "arithmetic threads; 0 = all cores")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return fault.Usage.Errorf("%w", err)
	}
	studies, err := loadStudies(flags.Args())
	if err != nil {
		return err
	}
	return r.run(ctx, studies)
}
