package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// parsePython reads a batch of the python form: a pickled dictionary with
// "labels", a list, and "data", a numpy array (N, 3072) of uint8. Nothing in the
// pickle is executed: the two numpy names it needs stand for types below, and
// any other name is refused.
func parsePython(data []byte) (records []record, err error) {
	defer func() {
		if r := recover(); r != nil {
			records, err = nil, fmt.Errorf("damaged pickle: %v", r)
		}
	}()
	reader := pickle.NewUnpickler(bytes.NewReader(data))
	reader.FindClass = findClass
	value, err := reader.Load()
	if err != nil {
		return nil, fmt.Errorf("damaged pickle: %w", err)
	}
	dict, ok := value.(*types.Dict)
	if !ok {
		return nil, fmt.Errorf("the pickle holds %T, not a dictionary", value)
	}
	labels, ok := lookUp(dict, "labels").(*types.List)
	if !ok {
		return nil, errors.New(`the pickle has no list "labels"; is it CIFAR-10?`)
	}
	array, ok := lookUp(dict, "data").(*numpyArray)
	if !ok || len(array.bytes) != labels.Len()*pixels || labels.Len() == 0 || labels.Len() > batchSize {
		return nil, fmt.Errorf(`the pickle has no array "data" of %d×%d values for its labels`, labels.Len(), pixels)
	}
	for i := range labels.Len() {
		label, ok := labels.Get(i).(int)
		if !ok || label < 0 || label >= len(classes) {
			return nil, fmt.Errorf("image %d has the label %v; CIFAR-10 has 0 to 9", i, labels.Get(i))
		}
		records = append(records, record{label: uint8(label), planes: array.bytes[i*pixels:][:pixels]})
	}
	return records, nil
}

// lookUp takes a key as Python 2 (a string) or Python 3 (bytes) wrote it.
func lookUp(dict *types.Dict, key string) any {
	if value, ok := dict.Get(key); ok {
		return value
	}
	value, _ := dict.Get([]byte(key))
	return value
}

func findClass(module, name string) (any, error) {
	switch name {
	case "_reconstruct":
		return call(func() any { return &numpyArray{} }), nil
	case "ndarray":
		return name, nil
	case "dtype":
		return call(func() any { return &numpyType{} }), nil
	}
	return nil, fmt.Errorf("it names %s.%s, which no CIFAR-10 batch does", module, name)
}

// call makes a constructor of a type the pickle may construct.
type call func() any

// Call implements types.Callable.
//
//nolint:unparam // the interface has the error
func (c call) Call(...any) (any, error) { return c(), nil }

// numpyType stands for numpy.dtype; a CIFAR-10 batch knows uint8 only, which
// the length of the data proves.
type numpyType struct{}

// PySetState implements types.PyStateSettable.
func (*numpyType) PySetState(any) error { return nil }

// numpyArray is what is needed of a numpy.ndarray: its bytes.
type numpyArray struct{ bytes []byte }

// PySetState takes numpy's state: version, shape, dtype, Fortran order, bytes.
func (a *numpyArray) PySetState(state any) error {
	tuple, ok := state.(*types.Tuple)
	if !ok || tuple.Len() != 5 {
		return errors.New("the state of a numpy array is not what numpy writes")
	}
	if fortran, _ := tuple.Get(3).(bool); fortran {
		return errors.New("a numpy array in Fortran order")
	}
	switch content := tuple.Get(4).(type) {
	case string:
		a.bytes = []byte(content)
	case []byte:
		a.bytes = content
	default:
		return fmt.Errorf("a numpy array of %T", content)
	}
	return nil
}
