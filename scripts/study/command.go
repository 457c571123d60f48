package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// command runs one program to its end, decodes the JSON object it prints, and
// notes the command line in out.
func (r *runner) command(ctx context.Context, out *result, printed any, line ...string) error {
	out.Commands = append(out.Commands, strings.Join(line, " "))
	program := line[0]
	if program == sideOurs {
		program = r.binary
	}
	args := make([]string, len(line)-1)
	for i, arg := range line[1:] {
		args[i] = os.Expand(arg, func(name string) string { return map[string]string{"DATA": r.data, "WORK": r.work}[name] })
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "PYTHON="+r.python)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", out.Commands[len(out.Commands)-1], err, lastLine(stderr.String()))
	}
	if err := json.Unmarshal(stdout.Bytes(), printed); err != nil {
		return fmt.Errorf("%s printed no JSON object: %w", out.Commands[len(out.Commands)-1], err)
	}
	return nil
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndex(text, "\n")+1:]
}

// flagInt spells an option with a number.
func flagInt(name string, value int) string { return "--" + name + "=" + strconv.Itoa(value) }

// codeFolders are what a result depends on.
var codeFolders = []string{"cmd", "pkg", "configs", "go.mod", "go.sum", "scripts/torch_peer.py", "scripts/torch_tuned.sh"}

// commit is the revision of the sources here.
func commit(ctx context.Context) string {
	head, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	changes, err := exec.CommandContext(ctx, "git", append([]string{"status", "--porcelain", "--"}, codeFolders...)...).Output()
	if err != nil {
		return "unknown"
	}
	if len(changes) > 0 {
		return strings.TrimSpace(string(head)) + "+changes"
	}
	return strings.TrimSpace(string(head))
}
