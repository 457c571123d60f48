package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// stage is one FROM of a Dockerfile and the file system it has so far.
type stage struct {
	root       string // the folder that stands for /
	workdir    string
	env        map[string]string
	user       string
	volumes    []string
	entrypoint []string
}

// builder takes the steps. The base image's tools are this machine's.
type builder struct {
	context string
	ignored *patternmatcher.PatternMatcher
	stages  map[string]*stage // by name
}

// build runs every stage under dir and returns the last.
func build(text []byte, context, dir string) (*stage, error) {
	tree, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	stages, _, err := instructions.Parse(tree.AST, nil)
	if err != nil {
		return nil, err
	}
	ignored, err := readIgnored(context)
	if err != nil {
		return nil, err
	}
	b := builder{context, ignored, map[string]*stage{}}
	var last *stage
	for i, s := range stages {
		last = &stage{root: filepath.Join(dir, strconv.Itoa(i)), workdir: "/", env: map[string]string{}}
		b.stages[s.Name] = last
		if err := os.Mkdir(last.root, 0o755); err != nil {
			return nil, err
		}
		for _, command := range s.Commands {
			if err := b.take(last, command); err != nil {
				return nil, fmt.Errorf("%v: %w", command, err)
			}
		}
	}
	return last, nil
}

func readIgnored(context string) (*patternmatcher.PatternMatcher, error) {
	text, err := os.ReadFile(filepath.Join(context, ".dockerignore"))
	if err != nil {
		return nil, err
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	return patternmatcher.New(patterns)
}

// take carries out one instruction.
func (b *builder) take(s *stage, command instructions.Command) error {
	switch c := command.(type) {
	case *instructions.WorkdirCommand:
		s.workdir = filepath.Join("/", c.Path)
		return os.MkdirAll(filepath.Join(s.root, s.workdir), 0o755)
	case *instructions.ArgCommand:
		for _, a := range c.Args {
			s.env[a.Key] = a.ValueString()
		}
	case *instructions.EnvCommand:
		for _, pair := range c.Env {
			s.env[pair.Key] = pair.Value
		}
	case *instructions.CopyCommand:
		return b.copy(s, c)
	case *instructions.RunCommand:
		return run(s, c)
	case *instructions.UserCommand:
		s.user = c.User
	case *instructions.VolumeCommand:
		s.volumes = append(s.volumes, c.Volumes...)
	case *instructions.EntrypointCommand:
		s.entrypoint = c.CmdLine
	case *instructions.LabelCommand, *instructions.CmdCommand:
	default:
		return fmt.Errorf("the steps by hand do not know this instruction")
	}
	return nil
}

func run(s *stage, c *instructions.RunCommand) error {
	line := strings.Join(c.CmdLine, " ")
	fmt.Printf("dockerfile: in %s: %s\n", s.workdir, strings.Join(strings.Fields(line), " "))
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.Dir = filepath.Join(s.root, s.workdir)
	cmd.Env = os.Environ()
	for key, value := range s.env {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

func (b *builder) copy(s *stage, c *instructions.CopyCommand) error {
	from, keep := b.context, b.inContext
	if c.From != "" {
		source, known := b.stages[c.From]
		if !known {
			return fmt.Errorf("no stage is called %q", c.From)
		}
		from, keep = source.root, func(string) (bool, error) { return true, nil }
	}
	for _, path := range c.SourcePaths {
		to := filepath.Join(s.root, c.DestPath)
		if !filepath.IsAbs(c.DestPath) {
			to = filepath.Join(s.root, s.workdir, c.DestPath)
		}
		if err := copyTree(filepath.Join(from, path), to, c.Chown, keep); err != nil {
			return err
		}
	}
	return nil
}

// inContext says whether .dockerignore leaves the path in the build context.
func (b *builder) inContext(path string) (bool, error) {
	name, err := filepath.Rel(b.context, path)
	if err != nil || name == "." {
		return true, err
	}
	out, err := b.ignored.MatchesOrParentMatches(filepath.ToSlash(name))
	return !out, err
}

// copyTree copies what keep lets through; a folder is walked even when it is
// left out itself, because a later pattern may bring its files back.
func copyTree(from, to, owner string, keep func(string) (bool, error)) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		wanted, err := keep(path)
		if err != nil || !wanted {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		if d.IsDir() {
			err = os.MkdirAll(target, 0o755)
		} else {
			err = copyFile(path, target)
		}
		if err != nil || target == filepath.Clean(to) && d.IsDir() {
			return err
		}
		return own(target, owner)
	})
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, info.Mode().Perm())
}

func own(path, owner string) error {
	if owner == "" || os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := numeric(owner)
	if err != nil {
		return err
	}
	return os.Lchown(path, uid, gid)
}

// numeric reads "uid:gid"; a name would need an /etc/passwd the image lacks.
func numeric(owner string) (uid, gid int, err error) {
	u, g, _ := strings.Cut(owner, ":")
	if uid, err = strconv.Atoi(u); err != nil {
		return 0, 0, fmt.Errorf("user %q is not numeric", owner)
	}
	if gid, err = strconv.Atoi(g); err != nil {
		return 0, 0, fmt.Errorf("group of %q is not numeric", owner)
	}
	return uid, gid, nil
}
