package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"time"

	"supcon/pkg/config"
	"supcon/pkg/fault"
)

// resultsFile holds a JSON object a line, one for each finished run.
const resultsFile = "scripts/study/results.jsonl"

// The programs that are compared.
const (
	sideOurs = "supcon"
	sidePeer = "pytorch"
)

// identity is what makes two runs the same: one of them need not be done again.
type identity struct {
	Side     string            `json:"side"`
	Settings map[string]string `json:"settings"` // those that base and study give, by the names of supcon's settings
	Subset   int               `json:"subset"`   // training images drawn, 0 = all
	Seed     uint64            `json:"seed"`
}

// key is the identity as a text; maps are encoded in the order of their keys.
func (i identity) key() string {
	text, err := json.Marshal(i)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return string(text)
}

// result is one finished run. Accuracies are in percent.
type result struct {
	identity
	Images     int        `json:"images"` // trained on, and what the probe was fitted to
	TestImages int        `json:"test_images"`
	Format     string     `json:"format"`   // of the pictures: jpg, png, …
	Commands   []string   `json:"commands"` // $DATA holds train/ and test/, $WORK the run directories
	Commit     string     `json:"commit"`
	Finished   time.Time  `json:"finished"`
	Branch     string     `json:"branch"` // the machine's best instructions, of those that supcon knows
	Threads    int        `json:"threads"`
	Steps      int        `json:"steps"`
	TrainS     float64    `json:"train_s"` // as the program tells: the steps
	WallS      float64    `json:"wall_s"`  // the commands from start to end, evaluation included
	Loss       float64    `json:"loss"`    // mean over the last epoch
	Top1       float64    `json:"top1"`    // linear probe
	CI95       [2]float64 `json:"ci95"`    // Wilson interval of top1
	KNNTop1    float64    `json:"knn_top1"`
}

var commitForm = regexp.MustCompile(`^([0-9a-f]{12}(\+changes)?|unknown)$`)

// check says what is missing or impossible.
func (r *result) check() error {
	percent := func(x float64) bool { return x > 0 && x <= 100 }
	switch {
	case r.Side != sideOurs && r.Side != sidePeer:
		return fmt.Errorf("side is %q, not %s or %s", r.Side, sideOurs, sidePeer)
	case len(r.Settings) == 0 || r.Seed < 1 || r.Subset < 0:
		return errors.New("settings, seed or subset is missing or impossible")
	case r.Images < 1 || r.TestImages < 1 || r.Format == "" || r.Subset > 0 && r.Images != r.Subset:
		return errors.New("images, test_images or format is missing or impossible")
	case len(r.Commands) == 0 || !commitForm.MatchString(r.Commit) || r.Finished.IsZero():
		return errors.New("commands, commit or finished is missing or impossible")
	case r.Branch == "" || r.Threads < 1 || r.Steps < 1 || !(r.TrainS > 0) || r.WallS < r.TrainS:
		return errors.New("branch, threads, steps, train_s or wall_s is missing or impossible")
	case r.Loss == 0 || !percent(r.Top1) || !percent(r.KNNTop1) || r.CI95[0] > r.Top1 || r.CI95[1] < r.Top1:
		return errors.New("loss, top1, ci95 or knn_top1 is missing or impossible")
	}
	known := config.Keys()
	for key := range r.Settings {
		if !slices.Contains(known, key) {
			return fmt.Errorf("there is no setting %q%s", key, fault.DidYouMean(key, known))
		}
	}
	return nil
}

// readResults reads what appendResult wrote; a missing file has none. A line
// that is no whole result, and a run that is there twice, is an error.
func readResults(path string) ([]result, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []result
	seen := map[string]int{}
	for i, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		var r result
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&r); err != nil {
			return nil, fault.Data.Errorf("%s, line %d: %w", path, i+1, err)
		}
		if err := r.check(); err != nil {
			return nil, fault.Data.Errorf("%s, line %d: %w", path, i+1, err)
		}
		if before := seen[r.key()]; before > 0 {
			return nil, fault.Data.Errorf("%s, line %d: the same run as line %d; remove one", path, i+1, before)
		}
		seen[r.key()] = i + 1
		list = append(list, r)
	}
	return list, nil
}

// appendResult adds a line: the file is replaced whole, so that it never holds
// half of one.
func appendResult(path string, r result) error {
	if err := r.check(); err != nil {
		return fmt.Errorf("the run gave no whole result: %w", err)
	}
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	after := bytes.NewBuffer(before)
	encoder := json.NewEncoder(after)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return err
	}
	return writeFile(path, after.Bytes())
}
