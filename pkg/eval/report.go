package eval

import (
	"encoding/json"
	"fmt"
	"io"

	"supcon/pkg/internal/atomicfile"
)

// Report is what was measured of one checkpoint: what `supcon eval --json` prints
// and eval.json holds.
type Report struct {
	Checkpoint  string       `json:"checkpoint"`
	Checksum    string       `json:"checksum"` // of the checkpoint
	Layer       string       `json:"layer"`    // whose vectors were judged
	TrainImages int          `json:"train_images"`
	TestImages  int          `json:"test_images"`
	Skipped     int          `json:"skipped"` // unreadable images of both sets
	LinearProbe *ProbeResult `json:"linear_probe,omitempty"`
	KNN         *KNNResult   `json:"knn,omitempty"`
}

// Write makes path hold the report, indented for people.
func (r Report) Write(path string) error {
	err := atomicfile.WriteFile(path, func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	})
	if err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	return nil
}
