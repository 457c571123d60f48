// Package atomicfile makes files appear under their final name whole or not at
// all: the bytes go to a temporary name in the same directory, are fsynced, and
// are then renamed over the target; the directory is fsynced last, so that the
// rename itself survives a power cut.
//
// A process killed on the way leaves at most a temporary file (its name starts
// with ".supcon-tmp-"), which RemoveStale clears, and the former target as it was.
// What differs between operating systems stands in sync_*.go and nowhere else.
package atomicfile
