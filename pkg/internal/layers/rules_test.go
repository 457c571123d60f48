package layers

import (
	"fmt"
	"slices"
	"strings"
)

const module = "supcon"

// rooms says which rooms of pkg each room may import beside openToAll. A folder that is not listed here is a violation: a new room chooses
// its place in the house by a line in this table.
var rooms = map[string][]string{
	"fault":  {},
	"random": {},

	"kernel":    {},
	"dataset":   {},
	"augment":   {},
	"embedding": {},
	"runlog":    {},

	"checkpoint": {},
	"config":     {"augment", "dataset", "loss", "model", "optim"},
	"dist":       {"kernel"},
	"eval":       {"kernel", "embedding"},
	"infer":      {"augment", "checkpoint", "dataset", "embedding", "kernel", "loader", "model", "nn", "op"},
	"loader":     {"augment", "dataset"},
	"loss":       {"kernel"},
	"model":      {"kernel", "nn", "op"},
	"nn":         {"kernel", "op"},
	"onnx":       {"checkpoint"},
	"op":         {"kernel", "loss"},
	"optim":      {"kernel"},
	"report":     {"checkpoint", "embedding", "eval", "runlog"},
	"train": {
		"augment", "checkpoint", "config", "dataset", "dist", "embedding", "eval", "infer",
		"kernel", "loader", "loss", "model", "nn", "op", "optim", "runlog",
	},

	"internal/atomicfile": {},
	"internal/layers":     {},
	"internal/memory":     {},
	"internal/numtest":    {},
}

// openToAll may be imported from anywhere.
var openToAll = []string{"fault", "random", "internal/atomicfile", "internal/memory"}

// forTests may be imported by tests only.
var forTests = []string{"internal/layers", "internal/numtest"}

// onlyIn ties an outside library to the rooms that may know it; "cmd" stands
// for everything under cmd. Libraries that are not named are free.
var onlyIn = map[string][]string{
	"gorgonia.org/":                     {"op", "nn", "model", "optim", "train", "infer"},
	"github.com/disintegration/imaging": {"augment", "dataset"},
	"github.com/spf13/cobra":            {"cmd"},
	"github.com/schollz/progressbar/":   {"cmd"},
	"github.com/goccy/go-yaml":          {"config", "scripts"},
	"github.com/nlpodyssey/safetensors": {"checkpoint"},
	"testing":                           {"internal/numtest"},
}

// topLevel is the whole of the repository's first level.
var topLevel = []string{
	".ci", ".dockerignore", ".gitignore", ".golangci.yml", "Dockerfile", "LICENSE", "Makefile", "README.md", "SECURITY.md",
	"cmd", "configs", "datasets", "go.mod", "go.sum", "pkg", "scripts",
}

// source is what the rules look at in one Go file.
type source struct {
	file    string   // slash-separated, relative to the module's root
	imports []string // as written in the file
	exits   bool     // calls os.Exit or log.Fatal
}

// violations names every rule that the files break, in the order of the files.
// Tests may import any room and any library, but not cmd, and may exit.
func violations(files []source) []string {
	var found []string
	for _, f := range files {
		test := strings.HasSuffix(f.file, "_test.go")
		room := roomOf(f.file)
		if _, listed := rooms[room]; !listed && strings.HasPrefix(f.file, "pkg/") && room != "" {
			found = append(found, fmt.Sprintf("%s: the room %q has no place in the table of rooms", f.file, room))
			continue
		}
		if f.exits && !test && !mayExit(f.file) {
			found = append(found, f.file+": ends the process; only a program's main.go may")
		}
		for _, path := range f.imports {
			if reason := refused(room, path, test); reason != "" {
				found = append(found, fmt.Sprintf("%s: imports %s: %s", f.file, path, reason))
			}
		}
	}
	return found
}

// refused says why a file of the room may not import the path, or "".
func refused(room, path string, test bool) string {
	target, ours := strings.CutPrefix(path, module+"/")
	switch {
	case ours && strings.HasPrefix(target, "cmd/"):
		return "nothing imports cmd"
	case test:
		return ""
	case ours:
		return refusedRoom(room, strings.TrimPrefix(target, "pkg/"))
	}
	for library, owners := range onlyIn {
		if strings.HasPrefix(path, library) && !slices.Contains(owners, room) {
			return "only in " + strings.Join(owners, ", ")
		}
	}
	return ""
}

func refusedRoom(room, target string) string {
	if slices.Contains(forTests, target) {
		return "serves tests only"
	}
	if slices.Contains(openToAll, target) || room == "cmd" || room == "scripts" || slices.Contains(rooms[room], target) {
		return ""
	}
	return fmt.Sprintf("%s may import %v", room, slices.Concat(openToAll, rooms[room]))
}

// roomOf names the room a file is in: a folder under pkg, "cmd", or "scripts";
// "" for pkg/doc.go.
func roomOf(file string) string {
	parts := strings.Split(file, "/")
	if parts[0] != "pkg" {
		return parts[0]
	}
	return strings.Join(parts[1:len(parts)-1], "/")
}

func mayExit(file string) bool {
	parts := strings.Split(file, "/")
	return len(parts) == 3 && parts[2] == "main.go" && (parts[0] == "cmd" || parts[0] == "scripts")
}
