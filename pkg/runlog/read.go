package runlog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// Record is one line as read.
type Record struct {
	Step, Epoch int
	Numbers     map[string]float64 // NaN for null; a bool is 0 or 1
	Text        map[string]string
}

// ReadMetrics calls visit for each line at path, in order. A torn last line is
// left out, for the log of a run that is going on; another broken line is an error.
func ReadMetrics(path string, visit func(Record) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("runlog: %w", err)
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, 1<<16)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("runlog: %w", err)
		}
		record, err := parse(line)
		if err != nil {
			return fmt.Errorf("runlog: %q, line %d: %w", path, number, err)
		}
		if err := visit(record); err != nil {
			return err
		}
	}
}

func parse(line []byte) (Record, error) {
	var object map[string]any
	if err := json.Unmarshal(bytes.TrimSpace(line), &object); err != nil {
		return Record{}, err
	}
	r := Record{Numbers: map[string]float64{}, Text: map[string]string{}}
	for key, value := range object {
		switch v := value.(type) {
		case nil:
			r.Numbers[key] = math.NaN()
		case float64:
			r.Numbers[key] = v
		case bool:
			r.Numbers[key] = 0
			if v {
				r.Numbers[key] = 1
			}
		case string:
			r.Text[key] = v
		default:
			return Record{}, fmt.Errorf("%q is no number, string or bool", key)
		}
	}
	step, ok := r.Numbers["step"]
	if !ok || step != math.Trunc(step) {
		return Record{}, errors.New("there is no step")
	}
	r.Step, r.Epoch = int(step), int(r.Numbers["epoch"])
	delete(r.Numbers, "step")
	delete(r.Numbers, "epoch")
	return r, nil
}
