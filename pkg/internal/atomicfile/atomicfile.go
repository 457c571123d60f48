package atomicfile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tempPrefix starts every temporary name. It does not repeat the target's name,
// which may already be as long as the file system allows.
const tempPrefix = ".supcon-tmp-"

// File is a file being written that has no final name yet. It must end in
// Commit or Abort; Abort after Commit does nothing, so that it can be deferred.
type File struct {
	file *os.File
	path string
	done bool
}

// Create starts a file that will be called path. The directory must exist.
func Create(path string) (*File, error) {
	for {
		name, err := tempName(filepath.Dir(path))
		if err != nil {
			return nil, err
		}
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("write %q: %w", path, cause(err))
		}
		return &File{file: f, path: path}, nil
	}
}

// Path returns the final name.
func (f *File) Path() string { return f.path }

// Write implements io.Writer.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	if err != nil {
		err = fmt.Errorf("write %q: %w", f.path, cause(err))
	}
	return n, err
}

// WriteAt implements io.WriterAt, for headers known only at the end.
func (f *File) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.file.WriteAt(p, off)
	if err != nil {
		err = fmt.Errorf("write %q: %w", f.path, cause(err))
	}
	return n, err
}

// Commit makes the file appear under its final name, replacing what was there.
// When Commit fails before the rename the temporary file is gone and the former
// target untouched.
func (f *File) Commit() error {
	if f.done {
		return fmt.Errorf("write %q: already committed or aborted", f.path)
	}
	if err := f.file.Sync(); err != nil {
		f.Abort()
		return fmt.Errorf("write %q: fsync: %w", f.path, cause(err))
	}
	f.done = true
	name := f.file.Name()
	err := f.file.Close()
	if err == nil {
		err = os.Rename(name, f.path)
	}
	if err != nil {
		_ = os.Remove(name)
		return fmt.Errorf("write %q: %w", f.path, cause(err))
	}
	return SyncDir(filepath.Dir(f.path))
}

// Abort removes the temporary file. It reports no failure: there is nothing a
// caller could do about one, and RemoveStale comes by later.
func (f *File) Abort() {
	if f.done {
		return
	}
	f.done = true
	_ = f.file.Close()
	_ = os.Remove(f.file.Name())
}

// WriteFile makes path hold what write writes.
func WriteFile(path string, write func(io.Writer) error) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := write(f); err != nil {
		return err
	}
	return f.Commit()
}

// SyncDir makes renames and new names in dir survive a power cut.
func SyncDir(dir string) error {
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("fsync directory %q: %w", dir, cause(err))
	}
	return nil
}

// RemoveStale removes what killed writers left in dir. The caller must be the
// only writer there.
func RemoveStale(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), tempPrefix) {
			if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func tempName(dir string) (string, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	return filepath.Join(dir, tempPrefix+hex.EncodeToString(b[:])), nil
}

// cause strips the temporary name, which tells a user nothing, from err.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	var le *os.LinkError
	if errors.As(err, &le) {
		return le.Err
	}
	return err
}
