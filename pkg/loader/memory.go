package loader

import (
	"os"
	"strconv"
	"strings"
)

// DefaultCacheBytes is the memory for decoded images where none is set: a
// quarter of what the machine has, or the process may use, as far as the
// operating system tells; a gigabyte where it does not.
func DefaultCacheBytes() int64 {
	const unknown = 4 << 30
	total := int64(unknown)
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		total = parseMemory(string(text), total)
	}
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			total = min(total, limit)
		}
	}
	return total / 4
}

// parseMemory reads the total from Linux's meminfo, which counts in kilobytes.
func parseMemory(text string, unknown int64) int64 {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "MemTotal:" {
			if kilobytes, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				return kilobytes << 10
			}
		}
	}
	return unknown
}
