package atomicfile

// syncDir does nothing: Windows offers no fsync of a directory, and its file
// systems log renames themselves.
func syncDir(string) error { return nil }
