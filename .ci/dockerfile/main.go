// Dockerfile checks a Dockerfile where no container engine runs: it applies the
// rules of `docker build --check`, takes the build's steps one by one in an
// empty folder, and starts what they made in the file system they left.
//
//	dockerfile FILE CONTEXT [ARGUMENTS-OF-THE-PROGRAM]...
//
// Each further argument is one command line for the image's entry point, split
// at spaces; they run in order in the same file system.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: dockerfile FILE CONTEXT [ARGUMENTS]...")
		os.Exit(2)
	}
	if err := check(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "dockerfile:", err)
		os.Exit(1)
	}
}

func check(file, context string, runs []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := lint(file, text); err != nil {
		return err
	}
	fmt.Println("dockerfile: no warnings of docker build --check")
	dir, err := os.MkdirTemp("", "dockerfile-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	last, err := build(text, context, dir)
	if err != nil {
		return err
	}
	if err := last.inspect(); err != nil {
		return err
	}
	for _, arguments := range runs {
		if err := last.start(strings.Fields(arguments)); err != nil {
			return fmt.Errorf("%s %s: %w", last.entrypoint, arguments, err)
		}
	}
	return nil
}
