package runlog

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
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
	err  error // of a failed write: what it left must stay the last, so nothing follows
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
		if errors.Is(err, io.EOF) {
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
	if m.err != nil {
		return m.err
	}
	if step < m.step {
		return fmt.Errorf("runlog: a line of step %d after one of step %d", step, m.step)
	}
	b := fmt.Appendf(m.buf[:0], `{"step":%d,"epoch":%d`, step, epoch)
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
		b = fmt.Appendf(b, ",%s:%s", key, value)
	}
	m.buf = fmt.Appendln(b, "}")
	// One write a line: a reader sees it whole, and a kill loses none before it.
	if _, err := m.file.Write(m.buf); err != nil {
		m.err = fmt.Errorf("runlog: %w", err)
		return m.err
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
