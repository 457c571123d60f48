// Package embedding holds vectors of images with their paths and labels, and
// writes them in the formats that consumers read.
//
// The formats, chosen by the extension of the file name:
//
//	.npy  float32 (N, Dim), C order, NumPy's format 1.0; beside it the same name
//	      with .jsonl, one object a row in the same order: {"path": …, "label": …}
//	.csv  RFC 4180 with the header path,label,v0,v1,…; numbers in the shortest
//	      form that reads back to the same float32
//
// A label is the class's name; a row without one has null in .jsonl and an empty
// field in .csv. Files appear under their names whole, or not at all.
package embedding

import (
	"fmt"
	"math"
)

// Unlabelled is the label of a row whose class is not known.
const Unlabelled = -1

// Set is a set of vectors in memory. It is itself a Sink.
type Set struct {
	Dim     int
	Paths   []string
	Labels  []int // position in Classes, or Unlabelled
	Classes []string
	Vectors []float32 // (N, Dim)
}

// Sink takes vectors one after the other. The vector is only borrowed.
type Sink interface {
	Append(path string, label int, vector []float32) error
}

// Len returns the number of vectors.
func (s *Set) Len() int { return len(s.Paths) }

// Vector returns row i, a view into Vectors.
func (s *Set) Vector(i int) []float32 { return s.Vectors[i*s.Dim : (i+1)*s.Dim] }

// Append implements Sink.
func (s *Set) Append(path string, label int, vector []float32) error {
	if err := checkRow(s.Dim, s.Classes, path, label, vector); err != nil {
		return err
	}
	s.Paths = append(s.Paths, path)
	s.Labels = append(s.Labels, label)
	s.Vectors = append(s.Vectors, vector...)
	return nil
}

// Write writes the whole set to a file of the format that its extension names.
func (s *Set) Write(path string) error {
	w, err := Create(path, s.Dim, s.Classes)
	if err != nil {
		return err
	}
	defer w.Abort()
	for i := range s.Paths {
		if err := w.Append(s.Paths[i], s.Labels[i], s.Vector(i)); err != nil {
			return err
		}
	}
	return w.Close()
}

// minNorm keeps the zero vector what it is; the value is PyTorch's.
const minNorm = 1e-12

// Normalize divides a vector by max(‖x‖₂, 1e-12), in place.
func Normalize(vector []float32) {
	sum := 0.0
	for _, v := range vector {
		sum += float64(v) * float64(v)
	}
	scale := 1 / max(math.Sqrt(sum), minNorm)
	for i, v := range vector {
		vector[i] = float32(float64(v) * scale)
	}
}

// Normalize divides every vector by its norm, in place.
func (s *Set) Normalize() {
	for i := range s.Paths {
		Normalize(s.Vector(i))
	}
}

func checkRow(dim int, classes []string, path string, label int, vector []float32) error {
	if len(vector) != dim {
		return fmt.Errorf("embedding: the vector of %q has %d values, the set's have %d", path, len(vector), dim)
	}
	if label < Unlabelled || label >= len(classes) {
		return fmt.Errorf("embedding: the label %d of %q is none of the %d classes", label, path, len(classes))
	}
	return nil
}
