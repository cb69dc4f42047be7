// Package racetest runs the tests that gain nothing from the race detector without it. Under the detector a test takes five to ten times the processor
// time: tests that try every case of something, one after another, are about what each case leads to, and the tests of concurrency are not among them.
package racetest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// AllVariable is the environment variable that, set to 1, makes Plainly do nothing: the step races of CI runs the marked tests under the detector.
const AllVariable = "ECS_API_RACE_ALL"

// Plainly runs a test in a process of the same tests that is built without the race detector, and reports whether it has: the caller then has nothing left
// to do. A test is marked with it in its first statement, `if racetest.Plainly(t) { return }`. Environment is what that process gets besides ours.
//
// The tests are built once per package, beside the test binary that go test made, and go test removes them with it.
func Plainly(t testing.TB, environment ...string) bool {
	t.Helper()
	if !Detector || os.Getenv(AllVariable) == "1" || argument("test.fuzz") != "" {
		return false
	}
	tests, err := plainTests()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	opened := filepath.Join(dir, "opened")
	args := []string{"-test.v", "-test.run", selected(t.Name(), argument("test.run")), "-test.timeout", argument("test.timeout"), "-test.testlogfile", opened}
	cmd := exec.CommandContext(t.Context(), tests, args...) //nolint:gosec // these tests
	cmd.Env = append(os.Environ(), environment...)
	out, err := cmd.CombinedOutput()
	if again := reopen(opened); again != nil {
		t.Error(again)
	}
	t.Logf("without the race detector:\n%s", out)
	skipped, err := ended(t.Name(), string(out), err)
	if err != nil {
		t.Error(err)
	}
	if skipped {
		t.Skip()
	}
	return true
}

// ended reports whether a test that ran by itself was skipped, and returns why it failed.
func ended(test, out string, err error) (skipped bool, _ error) {
	switch {
	case err != nil:
		return false, err
	case strings.Contains(out, "--- SKIP: "+test+" "):
		return true, nil
	case !strings.Contains(out, "--- PASS: "+test+" "):
		return false, errors.New("the test did not run")
	}
	return false, nil
}

// plainTests builds the tests of the working directory, which is their package's, and returns where they are.
var plainTests = sync.OnceValues(func() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	plain := self + ".plain"
	if out, err := exec.CommandContext(context.Background(), "go", "test", "-c", "-o", plain, "-ldflags", "-s -w", ".").CombinedOutput(); err != nil { //nolint:gosec // these tests
		return "", fmt.Errorf("go test -c: %w\n%s", err, out)
	}
	return plain, nil
})

// selected is the pattern for one test, and for those of its subtests that the pattern of all tests selects.
func selected(test, pattern string) string {
	if _, subtests, ok := strings.Cut(pattern, "/"); ok {
		return "^" + test + "$/" + subtests
	}
	return "^" + test + "$"
}

// argument is what a flag of the tests is set to.
func argument(name string) string { return flag.Lookup(name).Value.String() }

// reopen reads what a test log says that a process of tests read, as the go command sees only what the process reads that it starts: it would take the result
// of a test from its cache although a file that the test depends on has changed.
func reopen(testLog string) error {
	text, err := os.ReadFile(testLog)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		verb, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch verb {
		case "getenv":
			os.Getenv(name)
		case "open":
			if f, err := os.Open(name); err == nil { // what is not there any more was the test's own
				_ = f.Close()
			}
		case "stat":
			_, _ = os.Stat(name)
		}
	}
	return nil
}
