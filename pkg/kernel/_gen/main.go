// Command _gen writes the assembly of package kernel. It has its own module, so that nobody who
// builds the program needs the generator. Run "go generate ./pkg/kernel".
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	. "github.com/mmcloughlin/avo/build"
)

// subjects are the files that can be made, by name.
var subjects = map[string]func(){
	"tile_avx512":     func() { tiles(avx512) },
	"tile_avx2":       func() { tiles(avx2) },
	"winograd_avx512": func() { winograds(avx512) },
	"winograd_avx2":   func() { winograds(avx2) },
	"pairs_avx512":    func() { pairs(avx512) },
	"pairs_avx2":      func() { pairs(avx2) },
	"strip_avx512":    func() { strips(avx512) },
	"strip_avx2":      func() { strips(avx2); makeTranspose() },
}

func main() {
	subject := flag.String("subject", "", "which file to make: "+strings.Join(names(), ", "))
	flag.Parse()
	emit, ok := subjects[*subject]
	if !ok {
		fmt.Fprintf(os.Stderr, "_gen: -subject %q is none of %s\n", *subject, strings.Join(names(), ", "))
		os.Exit(2)
	}
	ConstraintExpr("!purego")
	emit()
	Generate()
}

func names() []string {
	var all []string
	for name := range subjects {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func strips(v isa) {
	for _, s := range maps {
		makeMap(v, s)
	}
	for _, s := range columns {
		makeColumns(v, s)
	}
	for _, s := range rows {
		makeRow(v, s)
	}
	makeMaxPool(v)
	makeMaxPoolGrad(v)
}

func winograds(v isa) {
	for _, t := range transforms {
		makeTransform(v, t)
	}
}
