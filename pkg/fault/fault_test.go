package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestKindSurvivesWrapping(t *testing.T) {
	err := fmt.Errorf("train: %w", Data.Errorf("folder %q: %w", "x", fs.ErrNotExist))
	if Of(err) != Data || Of(err).ExitCode() != 3 {
		t.Errorf("Of(%v) = %d, want Data (exit code 3)", err, Of(err))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("the cause is no longer reachable through the kind")
	}
	if want := `train: folder "x": file does not exist`; err.Error() != want {
		t.Errorf("text = %q, want %q", err, want)
	}
}

func TestErrorWithoutKindIsTheJobs(t *testing.T) {
	if k := Of(errors.New("disk full")); k != Job || k.ExitCode() != 1 {
		t.Errorf("Of(plain error) = %d, want Job (exit code 1)", k)
	}
}
