package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"supcon/pkg/fault"
)

// maxFileBytes bounds a configuration file; a real one has under 4 KiB.
const maxFileBytes = 1 << 20

// Load reads a YAML configuration over the settings that r already holds. It
// returns the keys that the file gives. Errors name the file, the line and the
// key, and for an unknown key the nearest known one.
func Load(path string, r *Run) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.Usage.Errorf("config: cannot read %s: %w", path, errors.Unwrap(err))
	}
	if info.Size() > maxFileBytes {
		return nil, fault.Usage.Errorf("config: %s has %d bytes, more than any configuration needs; is it the right file?", path, info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Usage.Errorf("config: cannot read %s: %w", path, err)
	}
	keys, err := parse(text, r)
	if err != nil {
		return nil, fault.Usage.Errorf("config: %s: %w", path, err)
	}
	return keys, nil
}

// parse stores the settings of a YAML mapping into r.
func parse(text []byte, r *Run) ([]string, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, errors.New(oneLine(err))
	}
	known := map[string]field{}
	for _, f := range fields(r) {
		known[f.key] = f
	}
	var keys []string
	for _, doc := range file.Docs {
		pairs, err := settings(doc.Body)
		if err != nil {
			return nil, err
		}
		for _, pair := range pairs {
			key, line := pair.Key.String(), pair.Key.GetToken().Position.Line
			f, ok := known[key]
			switch {
			case !ok:
				return nil, fmt.Errorf("line %d: unknown key %q%s", line, key, fault.DidYouMean(key, Keys()))
			case slices.Contains(keys, key):
				return nil, fmt.Errorf("line %d: key %q is given twice", line, key)
			}
			if err := f.store(pair.Value); err != nil {
				return nil, fmt.Errorf("line %d: %s: %w", line, key, err)
			}
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// settings returns the pairs of a document that must be one flat mapping.
func settings(body ast.Node) ([]*ast.MappingValueNode, error) {
	switch n := body.(type) {
	case nil, *ast.NullNode, *ast.CommentGroupNode:
		return nil, nil
	case *ast.MappingNode:
		return n.Values, nil
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, nil
	default:
		return nil, fmt.Errorf("line %d: expected `key: value` lines", body.GetToken().Position.Line)
	}
}

// store parses a scalar node by the field's kind; numbers and switches take the
// same spellings as on the command line.
func (f field) store(n ast.Node) error {
	scalar, ok := n.(ast.ScalarNode)
	if !ok {
		return errors.New("expected a single value")
	}
	if isText(n) || f.value.Kind() != reflect.String {
		text := fmt.Sprint(scalar.GetValue())
		if scalar.GetValue() == nil {
			return errors.New("expected a value; leave the key out for its default")
		}
		if err := (flagValue{f.value}).Set(text); err != nil {
			return fmt.Errorf("%q: %w", text, err)
		}
		return nil
	}
	f.value.SetString(n.GetToken().Value) // 007 or on, meant as a name: the text as it stands
	return nil
}

// isText tells whether the YAML library has read a scalar as text: quoted, plain,
// or a block.
func isText(n ast.Node) bool {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return true
	}
	return false
}

// oneLine strips the source excerpt that the YAML library appends.
func oneLine(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}

// quoted is a text that the YAML library would write as a block, which cannot
// hold every control character: in double quotes it can.
type quoted string

// MarshalYAML implements yaml.BytesMarshaler; JSON's escapes are YAML's too.
func (q quoted) MarshalYAML() ([]byte, error) { return json.Marshal(string(q)) }

// Marshal writes every setting of r in declaration order, the length of the run
// in its one unit, so that Load gives back an equal r.
func Marshal(r Run) ([]byte, error) {
	var pairs yaml.MapSlice
	for _, f := range fields(&r) {
		if slices.Contains(lengths, f.key) && f.key != r.length() {
			continue
		}
		value := f.value.Interface()
		if size, ok := value.(Size); ok {
			value = size.String()
		}
		if text, ok := value.(string); ok && strings.ContainsFunc(text, unicode.IsControl) {
			value = quoted(text)
		}
		pairs = append(pairs, yaml.MapItem{Key: f.key, Value: value})
	}
	var out bytes.Buffer
	if err := yaml.NewEncoder(&out).Encode(pairs); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return out.Bytes(), nil
}
