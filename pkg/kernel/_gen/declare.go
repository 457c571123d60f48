package main

import (
	"go/token"
	"go/types"
	"strings"

	. "github.com/mmcloughlin/avo/build"
)

// Signatures name structs of package kernel. The package cannot be loaded here, since it needs the
// assembly that is being made; so the names alone are declared, where avo's parser looks for them.
// The fields are known by offset.
func init() {
	for _, name := range []string{"tile", "windowPixel", "tileWindow", "PairBlock"} {
		n := types.NewTypeName(token.NoPos, nil, name, nil)
		types.NewNamed(n, types.NewStruct(nil, nil), nil)
		types.Universe.Insert(n)
	}
}

// declare begins a function with a signature as Go writes it and the loop it replaces.
func declare(name, signature, doc string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(strings.Split(doc, "\n")...)
}
