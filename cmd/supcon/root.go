package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"supcon/pkg/fault"
)

// interrupted is the cause of a cancelled context: the signal that came.
type interrupted struct{ signal os.Signal }

func (i interrupted) Error() string { return "interrupted by " + i.signal.String() }

// exitCode is the shell's convention, 128 + the signal's number.
func (i interrupted) exitCode() int {
	if number, ok := i.signal.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return 130
}

// run executes one command line and returns the process exit status: 0 done,
// 1 the job failed, 2 usage, 3 data, 4 checkpoint, 128+n a signal.
func run(ctx context.Context, stdout, stderr io.Writer, args []string) int {
	ui := newUI(stdout, stderr)
	root := newRoot(ui)
	root.SetArgs(args)
	err := execute(ctx, root)
	if err == nil {
		err = ui.err
	}
	var signal interrupted
	var saved resumable
	switch {
	case err == nil:
		return 0
	case errors.As(context.Cause(ctx), &signal) && (errors.As(err, &saved) || errors.Is(err, context.Canceled)):
		ui.interrupted(err)
		return signal.exitCode()
	}
	ui.failure(err)
	return fault.Of(err).ExitCode()
}

// execute runs the command; a broken invariant becomes an error of one line.
func execute(ctx context.Context, root *cobra.Command) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a bug in supcon: %v; please report it with the command that showed it", r)
		}
	}()
	return root.ExecuteContext(ctx)
}

func newRoot(ui *ui) *cobra.Command {
	root := &cobra.Command{
		Use:   "supcon",
		Short: "Learn image representations from a folder of pictures",
		Long: `supcon trains an image encoder on a folder of pictures with supervised contrastive
learning (SupCon, Khosla et al. 2020) or SimCLR (Chen et al. 2020), judges it with a
linear probe, and writes vectors of any images.

  supcon train --data photos/train          a run directory under runs/
  supcon eval --linear-probe --knn          how good the newest run's encoder is
  supcon embed --out vectors.npy            vectors of its images

Exit codes: 0 done; 1 the job failed; 2 the command line or the configuration is wrong;
3 the data is wrong; 4 the checkpoint is wrong; 130 interrupted (143 by SIGTERM).`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArguments,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(ui.stdout)
	root.SetErr(ui.stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().BoolVarP(&ui.quiet, "quiet", "q", false, "no progress and no notes on stderr")
	root.PersistentFlags().BoolVarP(&ui.verbose, "verbose", "v", false, "more detail on stderr")
	root.SetFlagErrorFunc(explainFlagError)
	root.AddCommand(newTrain(ui), newEval(ui), newEmbed(ui), newPreview(ui), newData(ui), newBench(ui), newVersion(ui))
	return root
}

// noArguments refuses words that are no flags; on the root they are commands
// that do not exist.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasSubCommands() {
		return fault.Usage.Errorf("%s takes no argument, but got %q; see `%s --help`", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return fault.Usage.Errorf("unknown command %q for %s%s (see `%s --help`)", args[0], cmd.CommandPath(), fault.DidYouMean(args[0], names), cmd.CommandPath())
}

// atMostOneRun accepts RUN or nothing.
func atMostOneRun(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fault.Usage.Errorf("%s takes one run, but got %d: %q; see `%s --help`", cmd.CommandPath(), len(args), args, cmd.CommandPath())
	}
	return nil
}

// exactlyOne accepts one argument; what says what it is.
func exactlyOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return fault.Usage.Errorf("%s takes %s, but got %d arguments; see `%s --help`", cmd.CommandPath(), what, len(args), cmd.CommandPath())
	}
}

// explainFlagError adds the nearest flag to pflag's complaint about an unknown one.
func explainFlagError(cmd *cobra.Command, err error) error {
	hint := ""
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		hint = fault.DidYouMean("--"+unknown.GetSpecifiedName(), names)
	}
	return fault.Usage.Errorf("%w%s (see `%s --help`)", err, hint, cmd.CommandPath())
}
