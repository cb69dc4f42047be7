package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// programVariable names the program to test, which a process of these tests without the race detector gets from the one that starts it.
const programVariable = "ECS_API_E2E_PROGRAM"

// plainTests builds these tests without the race detector, once, beside the program, and returns where they are.
var plainTests = sync.OnceValues(func() (string, error) {
	to := filepath.Join(filepath.Dir(plainBinary), "e2e.test")
	return to, compile("test", "-c", "-o", to, "-ldflags", "-s -w", ".")
})

// plainly runs the test in a process without the race detector, and reports whether it has: the caller then has nothing left to do. It is for tests that start
// the program again and again, and kill it. They run the program without the detector anyway, and with it the simulated AWS and the client beside the
// program would be most of what such a test takes; both are under the detector in the tests of their own packages.
func plainly(t *testing.T) bool {
	t.Helper()
	if !raceDetector {
		return false
	}
	if err := dependOnSources(); err != nil { // else go test would not see that the program has changed
		t.Fatal(err)
	}
	tests, err := plainTests()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), tests, "-test.run", "^"+t.Name()+"$", "-test.v") //nolint:gosec // these tests
	cmd.Env = append(os.Environ(), programVariable+"="+plainBinary, minimumVariable+"=")     // the minimum is for all tests
	out, err := cmd.CombinedOutput()
	t.Logf("without the race detector:\n%s", out)
	if err != nil {
		t.Error(err)
	}
	return true
}
