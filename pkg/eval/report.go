package eval

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

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

// With returns r, completed by what an earlier report says of other evaluations
// of the same vectors.
func (r Report) With(earlier Report) Report {
	if earlier.Checksum != r.Checksum || earlier.Layer != r.Layer || earlier.TrainImages != r.TrainImages || earlier.TestImages != r.TestImages {
		return r
	}
	if r.LinearProbe == nil {
		r.LinearProbe = earlier.LinearProbe
	}
	if r.KNN == nil {
		r.KNN = earlier.KNN
	}
	return r
}

// ReadReport reads what Write wrote; a file that is missing or no report is an
// empty report.
func ReadReport(path string) Report {
	var r Report
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &r) != nil {
		return Report{}
	}
	return r
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
