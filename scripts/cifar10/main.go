// Command cifar10 turns the official CIFAR-10 archive into image folders:
//
//	go run ./scripts/cifar10 cifar-10-binary.tar.gz DIR
//
// It takes the binary or the python form, as downloaded from
// https://www.cs.toronto.edu/~kriz/cifar.html, and writes the new folder DIR
// with train/<class>/NNNNN.png and test/<class>/NNNNN.png, numbered as in the
// archive. DIR appears whole or not at all.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const usage = "usage: go run ./scripts/cifar10 cifar-10-binary.tar.gz|cifar-10-python.tar.gz DIR"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the program; it returns 2 for a wrong command line, 3 for a wrong
// archive, 1 for everything else that fails.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) != 2 {
		_, _ = fmt.Fprintln(stderr, usage)
		return 2
	}
	images, err := readArchive(args[0])
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "cifar10: %v\n", err)
		return 3
	}
	if err := write(args[1], images); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%s exists already; name a new folder", args[1])
		}
		_, _ = fmt.Fprintf(stderr, "cifar10: %v\n", err)
		return 1
	}
	_, _ = fmt.Fprintf(stdout, "%d images in %s\n", len(images), args[1])
	return 0
}

// classes in the order of the archive's labels.
var classes = []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}

const (
	side      = 32
	plane     = side * side
	pixels    = 3 * plane // the red plane, then green, then blue
	batchSize = 10_000    // images of a batch of the official archive
)

// record is one image of the archive.
type record struct {
	part   string // "train" or "test"
	number int    // its position in the part
	label  uint8
	planes []byte // pixels
}

// write makes the folder dir of all images: in a temporary folder beside it,
// which is renamed at the end and removed on failure.
func write(dir string, images []record) error {
	dir = filepath.Clean(dir)
	if _, err := os.Lstat(dir); err == nil {
		return fs.ErrExist
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(parent, ".cifar10-")
	if err != nil {
		return err
	}
	if err = fill(temp, images); err == nil {
		err = os.Chmod(temp, 0o755)
	}
	if err == nil {
		err = os.Rename(temp, dir)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(temp))
	}
	return nil
}

// fill writes the images. Nothing that comes from the archive enters a path.
func fill(dir string, images []record) error {
	for _, part := range []string{"train", "test"} {
		for _, class := range classes {
			if err := os.MkdirAll(filepath.Join(dir, part, class), 0o777); err != nil {
				return err
			}
		}
	}
	var buffer bytes.Buffer
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for _, r := range images {
		for i := range plane {
			img.Pix[4*i], img.Pix[4*i+1], img.Pix[4*i+2], img.Pix[4*i+3] = r.planes[i], r.planes[plane+i], r.planes[2*plane+i], 255
		}
		buffer.Reset()
		if err := png.Encode(&buffer, img); err != nil {
			return err
		}
		name := filepath.Join(dir, r.part, classes[r.label], fmt.Sprintf("%05d.png", r.number))
		if err := os.WriteFile(name, buffer.Bytes(), 0o666); err != nil {
			return err
		}
	}
	return nil
}
