//go:build !amd64 || purego

package kernel

// tables lists what this machine can run, best first.
func tables() []*table { return []*table{generic} }
