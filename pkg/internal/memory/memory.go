// Package memory tells how much memory the process has taken.
package memory

import (
	"bufio"
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
)

// PeakBytes is the greatest resident size of the process so far, or, where the
// system does not tell (it is read from Linux's /proc), what the Go runtime has
// mapped now.
func PeakBytes() int64 {
	if peak, ok := statusBytes("VmHWM"); ok {
		return peak
	}
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// statusBytes reads one size from /proc/self/status, which gives KiB.
func statusBytes(key string) (int64, bool) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, false
	}
	defer func() { _ = f.Close() }() // nothing was written
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if name == key {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10, err == nil
		}
	}
	return 0, false
}
