package racetest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// reports names the file that the process without the race detector writes; reexecs, set to 1, has this process replaced by it.
const (
	reports = "ECS_API_RACETEST_REPORTS"
	reexecs = "ECS_API_RACETEST_REEXECS"
)

func TestMain(m *testing.M) {
	if os.Getenv(reexecs) == "1" {
		if err := Reexec(); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// report is what a process without the race detector does of a test, which then ends.
func report(t *testing.T) bool {
	t.Helper()
	to := os.Getenv(reports)
	if to == "" {
		return false
	}
	if Detector {
		t.Error("this process has the race detector")
	}
	if err := os.WriteFile(to, nil, 0o600); err != nil {
		t.Error(err)
	}
	return true
}

// TestPlainly starts itself without the race detector, if it runs under it, and sees that the other process has run, in its environment.
func TestPlainly(t *testing.T) {
	if report(t) {
		return
	}
	t.Setenv(AllVariable, "1")
	if Plainly(t) {
		t.Error("all tests are to run under the detector, and this one did not")
	}
	t.Setenv(AllVariable, "")
	to := filepath.Join(t.TempDir(), "report")
	t.Setenv(reports, to)
	ran := Plainly(t)
	if _, err := os.Stat(to); ran != Detector || ran && err != nil {
		t.Errorf("it ran: %v, under the detector: %v, the report: %v", ran, Detector, err)
	}
}

// TestReexec starts a process of these tests that replaces itself, with a test that passes, and with one that fails as it cannot write its report: arguments, output, log
// and exit status are those of the process without the race detector.
func TestReexec(t *testing.T) {
	if report(t) {
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, tt := range []struct {
		to, says string
		status   int
	}{
		{filepath.Join(dir, "report"), "--- PASS: TestReexec ", 0},
		{filepath.Join(dir, "none", "report"), "--- FAIL: TestReexec ", 1},
	} {
		log := filepath.Join(dir, "log")
		cmd := exec.CommandContext(t.Context(), self, "-test.v", "-test.run", "^TestReexec$", "-test.testlogfile", log)
		cmd.Env = append(os.Environ(), AllVariable+"=", reexecs+"=1", reports+"="+tt.to)
		out, _ := cmd.CombinedOutput() // its status says it
		if got := cmd.ProcessState.ExitCode(); got != tt.status || !strings.Contains(string(out), tt.says) {
			t.Errorf("it ended with %d, and not %d with %q:\n%s", got, tt.status, tt.says, out)
		}
		if text, err := os.ReadFile(log); err != nil || !strings.Contains(string(text), "getenv "+reports+"\n") {
			t.Errorf("its log: %v\n%s", err, text)
		}
	}
}

func TestHowATestEnded(t *testing.T) {
	failed := errors.New("exit status 1")
	for _, tt := range []struct {
		out           string
		err           error
		skipped, fine bool
	}{
		{"=== RUN   TestA\n--- PASS: TestA (0.00s)\nPASS\n", nil, false, true},
		{"=== RUN   TestA\n    a_test.go:7: no Redis\n--- SKIP: TestA (0.00s)\nPASS\n", nil, true, true},
		{"--- FAIL: TestA (0.00s)\nFAIL\n", failed, false, false},
		{"testing: warning: no tests to run\nPASS\n", nil, false, false},
		{"--- PASS: TestAB (0.00s)\nPASS\n", nil, false, false},
	} {
		skipped, err := ended("TestA", tt.out, tt.err)
		if skipped != tt.skipped || (err == nil) != tt.fine {
			t.Errorf("%q: skipped: %v, error: %v", tt.out, skipped, err)
		}
	}
}

func TestSubtestsAreSelectedAsForAllTests(t *testing.T) {
	for _, tt := range [][2]string{{"", "^TestA$"}, {"TestA", "^TestA$"}, {"Test./one/two", "^TestA$/one/two"}} {
		if got := selected("TestA", tt[0]); got != tt[1] {
			t.Errorf("with -run %q: %q, want %q", tt[0], got, tt[1])
		}
	}
}
