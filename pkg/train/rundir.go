package train

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"supcon/pkg/checkpoint"
	"supcon/pkg/config"
	"supcon/pkg/fault"
	"supcon/pkg/internal/atomicfile"
)

const (
	// RunsFolder is where runs go that are not told where.
	RunsFolder = "runs"
)

// createRun makes the run directory with config.yaml in it, whole or not at
// all, and returns its path. With out == "" the name says when and what.
func createRun(out string, cfg config.Run, now time.Time) (string, error) {
	text, err := config.Marshal(cfg)
	if err != nil {
		return "", err
	}
	fill := func(dir string) error {
		return atomicfile.WriteFile(filepath.Join(dir, checkpoint.ConfigName), func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
	}
	if out != "" {
		return out, explainRun(out, atomicfile.MakeDir(out, fill))
	}
	name := fmt.Sprintf("%s-%s-%s", now.Format("2006-01-02-1504"), cfg.Model, cfg.Loss)
	for attempt := 1; ; attempt++ {
		out = filepath.Join(RunsFolder, name)
		if attempt > 1 {
			out += fmt.Sprintf("-%d", attempt)
		}
		if err := atomicfile.MakeDir(out, fill); !errors.Is(err, fs.ErrExist) {
			return out, explainRun(out, err)
		}
	}
}

func explainRun(out string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return fault.Usage.Errorf("train: %s exists already; give another --out, remove it, or go on with it: supcon train --resume %s", out, out)
	}
	if err != nil {
		return fmt.Errorf("train: cannot make the run directory %s: %w", out, err)
	}
	return nil
}

// readRunConfig reads the settings a run was started with.
func readRunConfig(dir string) (config.Run, error) {
	cfg := config.Default()
	path := filepath.Join(dir, checkpoint.ConfigName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return cfg, fault.Usage.Errorf("train: %s is no run directory: it holds no %s; give the directory that `supcon train` made", strings.TrimSuffix(dir, "/"), checkpoint.ConfigName)
	}
	_, err := config.Load(path, &cfg)
	return cfg, err
}
