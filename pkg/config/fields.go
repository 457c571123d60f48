package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"supcon/pkg/augment"
)

// field is one setting of a Run: its key, its help, where it is stored, and
// whether a resumed run may have another value.
type field struct {
	key, help string
	value     reflect.Value
	free      bool
}

func (f field) flag() string { return strings.ReplaceAll(f.key, "_", "-") }

// fields lists the settings of r in the order of declaration, which is the
// order of help texts and of config.yaml.
func fields(r *Run) []field {
	v := reflect.ValueOf(r).Elem()
	list := make([]field, v.NumField())
	for i := range list {
		tag := v.Type().Field(i).Tag
		list[i] = field{tag.Get("yaml"), tag.Get("help"), v.Field(i), tag.Get("free") != ""}
	}
	return list
}

// Keys lists the YAML keys of a run in their order.
func Keys() []string {
	var r Run
	var keys []string
	for _, f := range fields(&r) {
		keys = append(keys, f.key)
	}
	return keys
}

// AddFlags gives flags one flag for each setting of r, storing into r; the
// values that r holds are the defaults shown.
func AddFlags(flags *pflag.FlagSet, r *Run) {
	for _, f := range fields(r) {
		flags.VarPF(flagValue{f.value}, f.flag(), "", f.help).NoOptDefVal = f.noOptDefault()
	}
}

// AddViewFlags is AddFlags for the settings that the views of a run depend on,
// but for their number.
func AddViewFlags(flags *pflag.FlagSet, r *Run) {
	keys := []string{"data", "val", "val_fraction", "unlabelled", "max_pixels", "on_bad_image", "image_size", "recipe", "views_through", "seed"}
	for _, s := range r.strengths(&augment.Recipe{}) {
		keys = append(keys, s.key)
	}
	for _, f := range fields(r) {
		if slices.Contains(keys, f.key) {
			flags.VarPF(flagValue{f.value}, f.flag(), "", f.help).NoOptDefVal = f.noOptDefault()
		}
	}
}

// noOptDefault lets a switch stand alone: `--nesterov` means `--nesterov=true`.
func (f field) noOptDefault() string {
	if f.value.Kind() == reflect.Bool {
		return "true"
	}
	return ""
}

// flagValue parses a flag into a field by the field's own kind.
type flagValue struct{ reflect.Value }

// String is the form of the value in help texts and in resumed flags.
func (f flagValue) String() string {
	if !f.IsValid() {
		return ""
	}
	if size, ok := f.Interface().(Size); ok {
		return size.String()
	}
	switch f.Kind() {
	case reflect.Float64:
		return strconv.FormatFloat(f.Float(), 'g', -1, 64)
	case reflect.Bool:
		return strconv.FormatBool(f.Bool())
	case reflect.Int:
		return strconv.FormatInt(f.Int(), 10)
	case reflect.Uint64:
		return strconv.FormatUint(f.Uint(), 10)
	default:
		return f.Value.String()
	}
}

// Set parses text; pflag wraps the error with the flag's name.
func (f flagValue) Set(text string) error {
	switch f.Kind() {
	case reflect.Int64:
		x, err := ParseSize(text)
		if err != nil {
			return err
		}
		f.SetInt(int64(x))
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return notA("number")
		}
		f.SetFloat(x)
	case reflect.Bool:
		x, err := strconv.ParseBool(text)
		if err != nil {
			return notA("truth value (true or false)")
		}
		f.SetBool(x)
	case reflect.Int:
		x, err := strconv.Atoi(text)
		if err != nil {
			return notA("whole number")
		}
		f.SetInt(int64(x))
	case reflect.Uint64:
		x, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return notA("whole number of zero or more")
		}
		f.SetUint(x)
	default:
		f.SetString(text)
	}
	return nil
}

// Type names the value's kind in help texts.
func (f flagValue) Type() string {
	return map[reflect.Kind]string{
		reflect.Float64: "float", reflect.Int: "int", reflect.Uint64: "int", reflect.Bool: "bool", reflect.Int64: "size", reflect.String: "string",
	}[f.Kind()]
}

type notA string

func (n notA) Error() string { return "it is not a " + string(n) }
