//go:build !windows

package atomicfile

import (
	"errors"
	"os"
	"syscall"
)

// syncDir fsyncs a directory. Some network file systems do not know how and say
// so (EINVAL, ENOTSUP): there is then nothing more to be done.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
