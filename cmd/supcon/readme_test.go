package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestReadmeCommands runs every command of the README's sh blocks, in order, in
// one folder where the sample set stands for the reader's pictures. The two make
// commands are CI's own stages; long trainings run for a step.
func TestReadmeCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for a while; the scripts exercise the same commands")
	}
	script, count := readmeScript(t)
	if count < 10 {
		t.Fatalf("only %d commands were found in the README", count)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "readme.txt"), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: dir, Setup: readersFolder})
}

// readmeScript turns the README's sh blocks into a testscript.
func readmeScript(t *testing.T) (script string, count int) {
	text, err := os.ReadFile(filepath.Join(checkout, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	inBlock := false
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "```") {
			inBlock = line == "```sh"
			continue
		}
		command, _, _ := strings.Cut(line, "#")
		if command = strings.TrimSpace(command); inBlock && command != "" {
			b.WriteString(scriptLine(t, command) + "\n")
			count++
		}
	}
	return b.String(), count
}

// scriptLine is how the test runs a command of the README.
func scriptLine(t *testing.T, command string) string {
	switch {
	case strings.HasPrefix(command, "make "):
		ci, err := os.ReadFile(filepath.Join(checkout, ".ci", "run"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(ci), " "+command+"\n") {
			t.Errorf("the README shows %q, which CI does not run", command)
		}
		return "# " + command
	case strings.HasPrefix(command, "go run ./scripts/cifar10 "):
		return "exec cifar10" + strings.TrimPrefix(command, "go run ./scripts/cifar10")
	case strings.HasPrefix(command, "supcon train --config configs/cifar10"):
		return "exec " + command + " --steps 1 --batch-size 8"
	case strings.HasPrefix(command, "supcon "):
		return "exec " + command
	}
	t.Errorf("the README shows %q, which this test does not know how to run", command)
	return ""
}

// readersFolder provides what the README assumes: a checkout's configurations
// and sample set, pictures of one's own, and a downloaded CIFAR-10 archive.
func readersFolder(env *testscript.Env) error {
	root, err := filepath.Abs(checkout)
	if err != nil {
		return err
	}
	for link, target := range map[string]string{"configs": "configs", "datasets": "datasets", "photos": "datasets/sample"} {
		if err := os.Symlink(filepath.Join(root, target), filepath.Join(env.WorkDir, link)); err != nil {
			return err
		}
	}
	bin := filepath.Join(env.WorkDir, "bin")
	build := exec.Command("go", "build", "-o", bin+string(filepath.Separator), "./scripts/cifar10")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
	archive, err := tinyCIFAR()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(env.WorkDir, "cifar-10-binary.tar.gz"), archive, 0o644)
}

// tinyCIFAR is an archive in the form of cifar-10-binary.tar.gz with two
// pictures of each class in each of its six batches.
func tinyCIFAR() ([]byte, error) {
	var out bytes.Buffer
	compressed := gzip.NewWriter(&out)
	archive := tar.NewWriter(compressed)
	add := func(name string, data []byte) error {
		header := &tar.Header{Name: "cifar-10-batches-bin/" + name, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err := archive.Write(data)
		return err
	}
	if err := add("batches.meta.txt", []byte("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n")); err != nil {
		return nil, err
	}
	for batch, name := range []string{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"} {
		var records []byte
		for i := range 20 {
			records = append(records, byte(i%10))
			for p := range 3072 {
				records = append(records, byte(batch+7*i+p*(i+1)))
			}
		}
		if err := add(name, records); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	err := compressed.Close()
	return out.Bytes(), err
}
