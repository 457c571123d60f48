// Package layers holds the test that keeps the house in order: who may import
// whom, who may know which library, who may end the process, and what lies on
// the repository's first level.
package layers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the module's root as seen from this folder, where go test runs.
const root = "../../.."

func TestEveryFileKeepsToItsRoom(t *testing.T) {
	files, err := readSources(root)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(f source) bool { return f.file == "pkg/doc.go" }) {
		t.Fatalf("%d files read, pkg/doc.go not among them: is %s still the root?", len(files), root)
	}
	for _, v := range violations(files) {
		t.Error(v)
	}
}

func TestTopLevelIsFixed(t *testing.T) {
	out, err := exec.Command("git", "-C", root, "ls-tree", "--name-only", "HEAD").Output()
	if err != nil {
		t.Skipf("no git repository to list: %v", err)
	}
	for _, name := range strings.Fields(string(out)) {
		if !slices.Contains(topLevel, name) {
			t.Errorf("%s: the first level of the repository is fixed; it belongs in one of its folders", name)
		}
	}
}

// The rules are only worth something if breaking one is noticed.
func TestViolationsAreFound(t *testing.T) {
	cases := []struct {
		name    string
		file    source
		allowed bool
	}{
		{"downwards", source{file: "pkg/op/conv.go", imports: []string{"supcon/pkg/kernel"}}, true},
		{"upwards", source{file: "pkg/kernel/conv.go", imports: []string{"supcon/pkg/op"}}, false},
		{"sideways", source{file: "pkg/dataset/stats.go", imports: []string{"supcon/pkg/augment"}}, false},
		{"open to all", source{file: "pkg/kernel/conv.go", imports: []string{"supcon/pkg/fault"}}, true},
		{"config from train", source{file: "pkg/train/loop.go", imports: []string{"supcon/pkg/config"}}, true},
		{"config from elsewhere", source{file: "pkg/infer/run.go", imports: []string{"supcon/pkg/config"}}, false},
		{"cmd joins anything", source{file: "cmd/supcon/train.go", imports: []string{"supcon/pkg/train"}}, true},
		{"cmd imported", source{file: "pkg/train/loop.go", imports: []string{"supcon/cmd/supcon"}}, false},
		{"cmd imported by a test", source{file: "pkg/train/loop_test.go", imports: []string{"supcon/cmd/supcon"}}, false},
		{"test upwards", source{file: "pkg/kernel/conv_test.go", imports: []string{"supcon/pkg/op"}}, true},
		{"test help in a library", source{file: "pkg/op/conv.go", imports: []string{"supcon/pkg/internal/numtest"}}, false},
		{"gorgonia at home", source{file: "pkg/nn/layer.go", imports: []string{"gorgonia.org/gorgonia"}}, true},
		{"gorgonia astray", source{file: "pkg/loader/batch.go", imports: []string{"gorgonia.org/tensor"}}, false},
		{"gorgonia in cmd", source{file: "cmd/supcon/bench.go", imports: []string{"gorgonia.org/gorgonia"}}, false},
		{"gorgonia in a test", source{file: "pkg/loader/batch_test.go", imports: []string{"gorgonia.org/tensor"}}, true},
		{"cobra in a library", source{file: "pkg/config/flags.go", imports: []string{"github.com/spf13/cobra"}}, false},
		{"testing in a library", source{file: "pkg/op/check.go", imports: []string{"testing"}}, false},
		{"unknown room", source{file: "pkg/utils/misc.go"}, false},
		{"the map", source{file: "pkg/doc.go"}, true},
		{"exit in main", source{file: "cmd/supcon/main.go", exits: true}, true},
		{"exit beside main", source{file: "cmd/supcon/train.go", exits: true}, false},
		{"exit in a library", source{file: "pkg/train/loop.go", exits: true}, false},
		{"exit in a test", source{file: "cmd/supcon/main_test.go", exits: true}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			found := violations([]source{c.file})
			if allowed := len(found) == 0; allowed != c.allowed {
				t.Errorf("%+v: violations = %q, want allowed = %v", c.file, found, c.allowed)
			}
		})
	}
}

func TestExitIsSeenUnderAnyName(t *testing.T) {
	const head = "package p\n"
	cases := map[string]bool{
		head + `import "os"` + "\nfunc f() { os.Exit(1) }":                 true,
		head + `import unix "os"` + "\nfunc f() { g(unix.Exit) }":          true,
		head + `import "log"` + "\nfunc f() { log.Fatalf(\"no\") }":        true,
		head + `import "os"` + "\nfunc f() { os.Remove(\"Exit\") }":        false,
		head + `import os "supcon/pkg/fault"` + "\nfunc f() { os.Exit() }": false,
	}
	for text, want := range cases {
		file, err := parser.ParseFile(token.NewFileSet(), "p.go", text, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := exits(file); got != want {
			t.Errorf("exits = %v, want %v, in\n%s", got, want, text)
		}
	}
}

// readSources parses every Go file of the module, whatever its build tags.
func readSources(root string) ([]source, error) {
	var files []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if path != root && outside(path, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		case filepath.Ext(path) != ".go":
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		files = append(files, source{filepath.ToSlash(name), importsOf(f), exits(f)})
		return err
	})
	return files, err
}

// outside says whether the go tool leaves a folder out of ./...
func outside(path, name string) bool {
	if name == "testdata" || name[0] == '.' || name[0] == '_' {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil
}

func importsOf(f *ast.File) []string {
	var paths []string
	for _, spec := range f.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

// exits says whether the file mentions os.Exit or log.Fatal, Fatalf, Fatalln
// under whatever name it imports the package.
func exits(f *ast.File) bool {
	names := map[string]string{} // local name → path
	for _, spec := range f.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		if path != "os" && path != "log" {
			continue
		}
		names[path] = path
		if spec.Name != nil {
			delete(names, path)
			names[spec.Name.Name] = path
		}
	}
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok {
				path := names[x.Name]
				found = found || path == "os" && sel.Sel.Name == "Exit" || path == "log" && strings.HasPrefix(sel.Sel.Name, "Fatal")
			}
		}
		return !found
	})
	return found
}
