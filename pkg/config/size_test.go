package config

import (
	"testing"

	"pgregory.net/rapid"
)

func TestSizesAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]Size{
		"auto": AutoSize, "0": 0, "123": 123, "2GiB": 2 << 30, "512MiB": 512 << 20, "1.5g": 3 << 29,
		"64 kib": 64 << 10, "1GB": 1e9, "7b": 7, "1T": 1 << 40,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "much", "GiB", "-1", "-2GiB", "nan", "inf", "1e40", "2 GiB of it", "9999999TiB"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q passes as %d", text, got)
		}
	}
}

func TestSizeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := Size(rapid.Int64Range(-1, 1<<50).Draw(t, "bytes"))
		if again, err := ParseSize(size.String()); err != nil || again != size {
			t.Fatalf("%d is written %s and read %d, %v", size, size, again, err)
		}
	})
	r := Default()
	if _, err := parse([]byte("cache_mem: 2GiB\n"), &r); err != nil || r.CacheMem != 2<<30 {
		t.Errorf("in a file: %v, %v", r.CacheMem, err)
	}
	r, err := fromArgs(t, "cache_mem: 4096\n", "--cache-mem", "0")
	if err != nil || r.CacheMem != 0 {
		t.Errorf("flag over file: %v, %v", r.CacheMem, err)
	}
}
