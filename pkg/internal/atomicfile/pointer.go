package atomicfile

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxPointer bounds what ReadPointer reads: a file name is at most 255 bytes on
// the file systems in use, and a path 4096 on Linux.
const maxPointer = 4096

// WritePointer makes path a text file of one line, switched in one step from
// what it said before.
func WritePointer(path, line string) error {
	if line == "" || strings.ContainsAny(line, "\r\n") {
		return fmt.Errorf("write %q: a pointer is one non-empty line, not %q", path, line)
	}
	return WriteFile(path, func(w io.Writer) error {
		_, err := io.WriteString(w, line+"\n")
		return err
	})
}

// ReadPointer returns the line that WritePointer wrote. A file of any other form
// is an error: it was made by something else, or damaged.
func ReadPointer(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPointer+1))
	if err != nil {
		return "", err
	}
	line, rest, found := bytes.Cut(text, []byte("\n"))
	if !found || len(line) == 0 || len(rest) != 0 {
		return "", fmt.Errorf("%q is not one line of text", path)
	}
	return string(line), nil
}
