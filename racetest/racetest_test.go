package racetest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// reports names the file that the process without the race detector writes.
const reports = "ECS_API_RACETEST_REPORTS"

// TestPlainly starts itself without the race detector, if it runs under it, and sees that the other process has run, in its environment.
func TestPlainly(t *testing.T) {
	if to := os.Getenv(reports); to != "" {
		if Detector {
			t.Error("this process has the race detector")
		}
		if err := os.WriteFile(to, nil, 0o600); err != nil {
			t.Error(err)
		}
		return
	}
	t.Setenv(AllVariable, "1")
	if Plainly(t) {
		t.Error("all tests are to run under the detector, and this one did not")
	}
	t.Setenv(AllVariable, "")
	to := filepath.Join(t.TempDir(), "report")
	ran := Plainly(t, reports+"="+to)
	if _, err := os.Stat(to); ran != Detector || ran && err != nil {
		t.Errorf("it ran: %v, under the detector: %v, the report: %v", ran, Detector, err)
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
