package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"

	"supcon/pkg/fault"
)

// Version is the newest form of Meta and of the tensors' names that this program
// writes and reads.
const Version = 1

// ErrVersion is in the chain of the error about a checkpoint of a newer program.
var ErrVersion = errors.New("checkpoint of a newer version")

// The keys of a file's safetensors metadata.
const (
	metadataKey = "__metadata__"
	formatKey   = "format"
	metaKey     = "supcon"
	checksumKey = "checksum"
)

// format is what PyTorch's safetensors library writes under formatKey.
const format = "pt"

// Meta is what a checkpoint knows beside its tensors: enough to use the encoder
// without a configuration, and the place in the run.
type Meta struct {
	Version   int             `json:"version"` // set by Save
	Spec      json.RawMessage `json:"spec"`    // the model, as package model wrote it
	ImageSize int             `json:"image_size"`
	Mean      [3]float32      `json:"mean"` // of the training set, R G B in 0…1
	Std       [3]float32      `json:"std"`
	Classes   []string        `json:"classes,omitempty"` // in the order of the labels
	Loss      string          `json:"loss"`
	Step      int             `json:"step"`  // completed updates
	Epoch     int             `json:"epoch"` // completed epochs
	Seed      uint64          `json:"seed"`
	Branch    string          `json:"branch"`          // kernel branch that the bytes are promised for
	State     json.RawMessage `json:"state,omitempty"` // what else the training loop needs, as package train wrote it
}

// marshal returns m as one line of JSON of the current version.
func (m Meta) marshal() (string, error) {
	m.Version = Version
	text, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("metadata: %w", err)
	}
	if len(text) > maxHeader/4 {
		return "", fault.Data.Errorf("the metadata take %d bytes, mostly the %d class names, and a checkpoint holds %d: use fewer or shorter ones",
			len(text), len(m.Classes), maxHeader/4)
	}
	return string(text), nil
}

// unmarshalMeta reads the version first: nothing else of a newer form is known.
func unmarshalMeta(text string) (Meta, error) {
	var form struct{ Version int }
	if err := json.Unmarshal([]byte(text), &form); err != nil {
		return Meta{}, fmt.Errorf("metadata: %w", err)
	}
	if form.Version > Version {
		return Meta{}, fmt.Errorf("%w: it has form %d and this program reads up to %d", ErrVersion, form.Version, Version)
	}
	if form.Version < 1 {
		return Meta{}, fmt.Errorf("metadata: there is no form %d", form.Version)
	}
	var m Meta
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return Meta{}, fmt.Errorf("metadata: %w", err)
	}
	return m, nil
}
