package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is an amount of memory in bytes.
type Size int64

// AutoSize leaves the amount to the machine.
const AutoSize Size = -1

// units are the suffixes of a size, the larger ones first. As everywhere where
// memory is sold, G means GiB; GB is the decimal one.
var units = []struct {
	suffix string
	bytes  float64
}{
	{"tib", 1 << 40}, {"gib", 1 << 30}, {"mib", 1 << 20}, {"kib", 1 << 10},
	{"tb", 1e12}, {"gb", 1e9}, {"mb", 1e6}, {"kb", 1e3},
	{"t", 1 << 40}, {"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}, {"b", 1}, {"", 1},
}

// ParseSize reads a size as people write it: auto, 0, 2GiB, 512 MB, 1.5g.
func ParseSize(text string) (Size, error) {
	lower := strings.ToLower(strings.TrimSpace(text))
	if lower == "auto" {
		return AutoSize, nil
	}
	for _, u := range units {
		number, ok := strings.CutSuffix(lower, u.suffix)
		if !ok {
			continue
		}
		x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if bytes := x * u.bytes; err == nil && bytes >= 0 && bytes < math.MaxInt64 {
			return Size(bytes), nil
		}
		break
	}
	return 0, errors.New("it is not a size; write auto, 0, or a number with a unit such as 512MiB or 2GiB")
}

// String is the shortest spelling that ParseSize reads back exactly.
func (s Size) String() string {
	if s < 0 {
		return "auto"
	}
	for i, unit := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if bytes := Size(1) << (40 - 10*i); s > 0 && s%bytes == 0 {
			return fmt.Sprintf("%d%s", s/bytes, unit)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}
