package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkOpen indexes 100,000 empty files in a hundred class folders, and takes
// the kept index of them up.
func BenchmarkOpen(b *testing.B) {
	const classes, perClass = 100, 1000
	root := b.TempDir()
	for c := range classes {
		dir := filepath.Join(root, fmt.Sprintf("class%03d", c))
		must(b, os.Mkdir(dir, 0o777))
		for i := range perClass {
			f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%06d.jpg", i)))
			must(b, err)
			must(b, f.Close())
		}
	}
	age(b, root)
	for name, c := range map[string]indexCache{"walked": {}, "kept": {filepath.Join(b.TempDir(), "index"), 1}} {
		b.Run(name, func(b *testing.B) {
			opened(b, c, root, Options{})
			for b.Loop() {
				if n := opened(b, c, root, Options{}).Len(); n != classes*perClass {
					b.Fatalf("%d items", n)
				}
			}
			b.ReportMetric(float64(classes*perClass*b.N)/b.Elapsed().Seconds(), "files/s")
		})
	}
}
