package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"supcon": main})
}

// root is the checkout, from this package's folder.
const root = "../.."

// TestScripts runs what users type. Each script works in an empty folder; the
// sample images are at $SAMPLE, the configurations at $CONFIGS.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Setup: provide})
}

func provide(env *testscript.Env) error {
	for name, folder := range map[string]string{"SAMPLE": "datasets/sample", "CONFIGS": "configs"} {
		path, err := filepath.Abs(filepath.Join(root, folder))
		if err != nil {
			return err
		}
		env.Setenv(name, path)
	}
	if cover := os.Getenv("GOCOVERDIR"); cover != "" {
		env.Setenv("GOCOVERDIR", cover)
	}
	return nil
}
