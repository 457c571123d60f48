package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"supcon": main})
}

// checkout is the repository, seen from this package's folder.
const checkout = "../.."

// TestScripts runs what users type. Each script works in an empty folder; the
// sample images are at $SAMPLE, the configurations at $CONFIGS.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: provide,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails": fails,
			"await": await,
			"exits": exits,
			"pack":  pack,
		},
	})
}

func provide(env *testscript.Env) error {
	for name, folder := range map[string]string{"SAMPLE": "datasets/sample", "CONFIGS": "configs"} {
		path, err := filepath.Abs(filepath.Join(checkout, folder))
		if err != nil {
			return err
		}
		env.Setenv(name, path)
	}
	return nil
}

// fails CODE COMMAND... expects the exit code, nothing on stdout, and on stderr
// one last line that begins with "supcon: " and is no stack trace.
func fails(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != want {
		ts.Fatalf("%v: %v, want exit code %d; stderr:\n%s", args[1:], err, want, ts.ReadFile("stderr"))
	}
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile("stderr"), "\n"), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "supcon: ") || strings.Contains(last, "goroutine") {
		ts.Fatalf("%v: the last line on stderr is %q", args[1:], last)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("%v: stdout has %q", args[1:], out)
	}
}

// exits CODE COMMAND... expects the exit code, results on stdout, and on stderr a
// last line that begins with "supcon: ".
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != want {
		ts.Fatalf("%v: %v, want exit code %d; stderr:\n%s", args[1:], err, want, ts.ReadFile("stderr"))
	}
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile("stderr"), "\n"), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "supcon: ") || ts.ReadFile("stdout") == "" {
		ts.Fatalf("%v: the last line on stderr is %q, stdout %q", args[1:], last, ts.ReadFile("stdout"))
	}
}

// pack FOLDER TAR CSV makes an archive of an image folder, and a manifest of it
// whose lines are in no order.
func pack(ts *testscript.TestScript, _ bool, args []string) {
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	manifest := "label,path\n"
	ts.Check(filepath.WalkDir(args[0], func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(args[0], name)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: filepath.ToSlash(rel), Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}
		if err := writer.WriteHeader(header); err != nil {
			return err
		}
		manifest += filepath.Base(filepath.Dir(name)) + "," + name + "\n"
		_, err = writer.Write(data)
		return err
	}))
	ts.Check(writer.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), archive.Bytes(), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(manifest), 0o644))
}

// await FILE LINES waits until FILE has so many lines.
func await(ts *testscript.TestScript, _ bool, args []string) {
	lines, err := strconv.Atoi(args[1])
	ts.Check(err)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && bytes.Count(text, []byte("\n")) >= lines {
			return
		}
	}
	ts.Fatalf("%s did not get %d lines within a minute", args[0], lines)
}
