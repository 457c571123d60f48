package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// MakeDir makes the directory path appear whole: fill puts its files into a
// temporary directory beside it, which is then renamed. Parents are made as
// needed. It is an error when path exists (errors.Is fs.ErrExist); when fill
// fails, nothing is left.
func MakeDir(path string, fill func(dir string) error) error {
	path = filepath.Clean(path)
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("make %q: %w", path, fs.ErrExist)
	}
	parent := filepath.Dir(path)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return fmt.Errorf("make %q: %w", path, err)
	}
	temp, err := tempName(parent)
	if err != nil {
		return err
	}
	if err := os.Mkdir(temp, 0o777); err != nil {
		return fmt.Errorf("make %q: %w", path, cause(err))
	}
	err = fill(temp)
	if err == nil {
		err = syncTree(temp)
	}
	if err == nil {
		err = renameDir(temp, path)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(temp))
	}
	return SyncDir(parent)
}

// renameDir refuses an existing target itself: rename(2) silently replaces an
// empty directory, which another process may just have made for its own run.
func renameDir(temp, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("make %q: %w", path, fs.ErrExist)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("make %q: %w", path, cause(err))
	}
	return nil
}

// syncTree fsyncs every directory under root; the files are fsynced by whoever
// writes them.
func syncTree(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return SyncDir(path)
	})
}
