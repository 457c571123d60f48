package main

import (
	"bytes"
	"encoding/csv"
	"path"
	"path/filepath"
	"strings"

	"supcon/pkg/dataset"
	"supcon/pkg/fault"
)

// images are those of all runs.
type images struct{ train, test *dataset.Set }

// openImages indexes the folders train and test of data.
func openImages(data string) (images, error) {
	var i images
	var err error
	if i.train, err = dataset.Open(filepath.Join(data, "train"), dataset.Options{}); err != nil {
		return i, err
	}
	i.test, err = dataset.Open(filepath.Join(data, "test"), dataset.Options{})
	return i, err
}

// format is the kind of picture that the first image is, as its name says.
func (i images) format() string {
	return strings.TrimPrefix(strings.ToLower(path.Ext(i.train.Items[0].Path)), ".")
}

// subsetSeed draws the subset, the same for all runs.
const subsetSeed = 1

// writeSubset makes name a manifest of n training images, each class by its
// share.
func (i images) writeSubset(name string, n int) error {
	if n >= i.train.Len() {
		return fault.Data.Errorf("the study draws %d images of %s, which has %d; give more images", n, i.train.Root, i.train.Len())
	}
	_, subset := i.train.Split(float64(n)/float64(i.train.Len()), subsetSeed)
	root, err := filepath.Abs(subset.Root)
	if err != nil {
		return err
	}
	rows := [][]string{{"path", "label"}}
	for _, item := range subset.Items {
		rows = append(rows, []string{filepath.Join(root, filepath.FromSlash(item.Path)), subset.Classes[item.Label]})
	}
	var manifest bytes.Buffer
	if err := csv.NewWriter(&manifest).WriteAll(rows); err != nil {
		return err
	}
	return writeFile(name, manifest.Bytes())
}
