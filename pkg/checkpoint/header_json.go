package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nlpodyssey/safetensors"
)

// parseInfo reads the entry of one tensor.
func parseInfo(dec *json.Decoder) (safetensors.TensorInfo, error) {
	var info safetensors.TensorInfo
	seen := 0
	err := object(dec, func(key string) (err error) {
		seen++
		switch key {
		case "dtype":
			token, _ := dec.Token()
			name, ok := token.(string)
			if !ok {
				return errors.New("dtype is not a string")
			}
			info.DType, err = safetensors.ParseDType(name)
			return err
		case "shape":
			info.Shape, err = numbers(dec, maxRank)
			return err
		case "data_offsets":
			offsets, err := numbers(dec, 2)
			if err != nil {
				return err
			}
			if len(offsets) != 2 {
				return fmt.Errorf("data_offsets are %d numbers, not 2", len(offsets))
			}
			info.DataOffsets = [2]uint64(offsets)
			return nil
		}
		return fmt.Errorf("key %.100q is unknown", key)
	})
	if err == nil && seen != 3 {
		err = errors.New("dtype, shape or data_offsets is missing")
	}
	return info, err
}

// object reads a JSON object, calling value when a value is due. Two equal keys
// are an error: readers differ in which of the two they believe.
func object(dec *json.Decoder, value func(key string) error) error {
	if token, err := dec.Token(); err != nil || token != json.Delim('{') {
		return errors.New("a JSON object is missing or broken")
	}
	keys := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		key, ok := token.(string)
		if !ok {
			return errors.New("a JSON key is missing")
		}
		if keys[key] {
			return fmt.Errorf("the name %.100q stands twice", key)
		}
		keys[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

func numbers(dec *json.Decoder, most int) ([]uint64, error) {
	if token, err := dec.Token(); err != nil || token != json.Delim('[') {
		return nil, errors.New("a list of numbers is missing or broken")
	}
	list := []uint64{}
	for dec.More() {
		token, _ := dec.Token()
		number, ok := token.(json.Number)
		if !ok {
			return nil, errors.New("a list of numbers holds something else")
		}
		v, err := strconv.ParseUint(number.String(), 10, 63)
		if err != nil {
			return nil, fmt.Errorf("%.100q is not a size", number)
		}
		if len(list) == most {
			return nil, fmt.Errorf("a list of numbers is longer than %d", most)
		}
		list = append(list, v)
	}
	_, err := dec.Token()
	return list, err
}
