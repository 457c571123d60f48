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
	"slices"
	"strconv"
)

// MetricsFile is the log's name in a run directory.
const MetricsFile = "metrics.jsonl"

// Field is one named value of a line: a number, a string or a bool.
type Field struct {
	Key   string
	Value any
}

// F makes a Field.
func F(key string, value any) Field { return Field{key, value} }

// Metrics appends lines to metrics.jsonl.
type Metrics struct {
	file *os.File
	step int // of the last line
	buf  []byte
}

// OpenMetrics opens the log at path to go on after step completed updates, and
// makes it if there is none. Lines of later steps, and a last line torn by a kill
// or a power cut, are cut off.
func OpenMetrics(path string, step int) (*Metrics, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("runlog: %w", err)
	}
	end, last, err := endOfStep(f, step)
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		_, err = f.Seek(end, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("runlog: %w", err), f.Close())
	}
	return &Metrics{file: f, step: last}, nil
}

// endOfStep returns the offset behind the last whole line whose step is at most
// step, and that line's step. Steps never fall, so it stops at the first later one.
func endOfStep(r io.Reader, step int) (end int64, last int, err error) {
	lines := bufio.NewReaderSize(r, 1<<16)
	for at := int64(0); ; {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return end, last, nil // without its newline the last line is torn
		}
		if err != nil {
			return 0, 0, err
		}
		at += int64(len(line))
		record, err := parse(line)
		if err != nil {
			continue // whether it belongs is told by the next good line
		}
		if record.Step > step {
			return end, last, nil
		}
		end, last = at, record.Step
	}
}

// Append writes one line. The step must not be under that of the line before.
func (m *Metrics) Append(step, epoch int, fields ...Field) error {
	if step < m.step {
		return fmt.Errorf("runlog: a line of step %d after one of step %d", step, m.step)
	}
	b := append(m.buf[:0], `{"step":`...)
	b = strconv.AppendInt(b, int64(step), 10)
	b = append(b, `,"epoch":`...)
	b = strconv.AppendInt(b, int64(epoch), 10)
	for i, field := range fields {
		if field.Key == "step" || field.Key == "epoch" || slices.ContainsFunc(fields[:i], func(f Field) bool { return f.Key == field.Key }) {
			return fmt.Errorf("runlog: the key %q stands twice in a line", field.Key)
		}
		key, err := json.Marshal(field.Key)
		if err != nil {
			return fmt.Errorf("runlog: key %q: %w", field.Key, err)
		}
		value, err := encode(field.Value)
		if err != nil {
			return fmt.Errorf("runlog: %q: %w", field.Key, err)
		}
		b = append(append(append(append(b, ','), key...), ':'), value...)
	}
	m.buf = append(b, "}\n"...)
	// One write a line: a reader sees it whole, and a kill loses none before it.
	if _, err := m.file.Write(m.buf); err != nil {
		return fmt.Errorf("runlog: %w", err)
	}
	m.step = step
	return nil
}

// encode refuses what Read would not give back: only scalars belong in a line.
func encode(value any) ([]byte, error) {
	switch v := value.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return []byte("null"), nil
		}
	case float32:
		if v-v != 0 {
			return []byte("null"), nil
		}
	case int, int64, uint64, string, bool:
	default:
		return nil, fmt.Errorf("a value of type %T is no number, string or bool", value)
	}
	return json.Marshal(value)
}

// Sync makes the lines so far survive a power cut.
func (m *Metrics) Sync() error {
	if err := m.file.Sync(); err != nil {
		return fmt.Errorf("runlog: %w", err)
	}
	return nil
}

// Close ends the log.
func (m *Metrics) Close() error {
	if err := errors.Join(m.file.Sync(), m.file.Close()); err != nil {
		return fmt.Errorf("runlog: %w", err)
	}
	return nil
}

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
		if err == io.EOF {
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
