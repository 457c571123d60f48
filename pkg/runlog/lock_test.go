package runlog

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"supcon/pkg/fault"
)

const lockVariable = "SUPCON_TEST_LOCK"

// TestMain is a second trainer when the tests start themselves as one: it locks
// the directory, says so, and waits to be killed.
func TestMain(m *testing.M) {
	if run := os.Getenv(lockVariable); run != "" {
		if _, err := LockRun(run); err != nil {
			os.Stdout.WriteString("refused: " + err.Error() + "\n")
			os.Exit(1)
		}
		os.Stdout.WriteString("locked\n")
		time.Sleep(time.Minute)
	}
	os.Exit(m.Run())
}

// trainer starts a second process on run and returns what it says.
func trainer(t *testing.T, run string) (says string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), lockVariable+"="+run)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 1000)
	n, _ := out.Read(line)
	kill = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	t.Cleanup(kill)
	return string(line[:n]), kill
}

func TestSecondTrainerIsRefused(t *testing.T) {
	run := t.TempDir()
	lock, err := LockRun(run)
	if err != nil {
		t.Fatal(err)
	}
	if says, _ := trainer(t, run); !strings.HasPrefix(says, "refused: another process is training in") || !strings.Contains(says, run) {
		t.Errorf("the second trainer says %q", says)
	}
	if _, err := LockRun(run); fault.Of(err) != fault.Usage {
		t.Errorf("a second lock in this process: %v, want a usage error", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if says, _ := trainer(t, run); says != "locked\n" {
		t.Errorf("after the release the second trainer says %q", says)
	}
}

func TestKilledTrainerLeavesNoLock(t *testing.T) {
	run := t.TempDir()
	says, kill := trainer(t, run)
	if says != "locked\n" {
		t.Fatalf("the trainer says %q", says)
	}
	if _, err := LockRun(run); err == nil {
		t.Fatal("locked twice")
	}
	kill()
	lock, err := LockRun(run)
	if err != nil {
		t.Fatalf("after the kill: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

func TestLockOfAMissingDirectory(t *testing.T) {
	run := filepath.Join(t.TempDir(), "missing")
	if _, err := LockRun(run); err == nil || fault.Of(err) != fault.Job || !strings.Contains(err.Error(), run) {
		t.Errorf("error %v", err)
	}
}
