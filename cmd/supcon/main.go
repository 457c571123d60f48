// Command supcon trains image encoders with supervised contrastive learning,
// judges them with a linear probe and exports their vectors.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		first := <-signals
		cancel(interrupted{first})
		second := <-signals
		os.Exit(interrupted{second}.exitCode())
	}()
	os.Exit(run(ctx, os.Stdout, os.Stderr, os.Args[1:]))
}
