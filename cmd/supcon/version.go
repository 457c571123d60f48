package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"supcon/pkg/kernel"
)

// version is set at link time for releases: -ldflags "-X main.version=v1.2.3".
var version = "devel"

func newVersion(ui *ui) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and the kernel branch of this machine",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(ui.stdout, "supcon %s (commit %s, %s, %s/%s, kernels %s)\n",
				version, commit(), runtime.Version(), runtime.GOOS, runtime.GOARCH, kernel.Branches()[0])
			return err
		},
	}
}

// commit is the revision the binary was built from, as the Go tool recorded it.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, modified := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "+changes"
		}
	}
	return revision + modified
}
