// Package racetest makes tests under the race detector take less time: it runs those that gain nothing from it without it. Under the detector a test takes five
// to ten times the processor time: tests that try every case of something, one after another, are about what each case leads to, and the tests of concurrency
// are not among them.
// Plainly does so for one test, Reexec for all tests of a package. Of such cases they try a sample, which Stride takes; the step races of CI tries all of them.
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
	"syscall"
	"testing"
)

// AllVariable is the environment variable that, set to 1, makes Plainly and Reexec do nothing, and Stride return 1: the step races of CI runs those tests under
// the detector, with every case.
const AllVariable = "ECS_API_RACE_ALL"

// besideVariable is set to 1 in the processes without the race detector that tests under it start.
const besideVariable = "ECS_API_RACE_BESIDE"

// environment is that of such a process.
func environment() []string { return append(os.Environ(), besideVariable+"=1") }

// Stride returns n where tests run under the race detector or beside those that do, and 1 elsewhere and where AllVariable is set. A loop over many cases that are
// alike, such as each AWS call of a request, goes ahead by it: `go test -race ./...` tries a sample, `go test ./...` and CI's step races try every case.
func Stride(n int) int {
	if !All() && (Detector || os.Getenv(besideVariable) == "1") {
		return n
	}
	return 1
}

// Plainly runs a test in a process of the same tests that is built without the race detector, and reports whether it has: the caller then has nothing left
// to do. A test is marked with it in its first statement, `if racetest.Plainly(t) { return }`.
//
// The tests are built once per package, beside the test binary that go test made, and go test removes them with it.
func Plainly(t testing.TB) bool {
	t.Helper()
	if !wanted() {
		return false
	}
	tests, err := plainTests()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	opened := filepath.Join(dir, "opened")
	// More tests at once than there are processors, as they wait as much as they work.
	args := []string{"-test.v", "-test.parallel", "4", "-test.run", selected(t.Name(), argument("test.run")), "-test.timeout", argument("test.timeout"), "-test.testlogfile", opened}
	cmd := exec.CommandContext(t.Context(), tests, args...) //nolint:gosec // these tests
	cmd.Env = append(environment(), "GOGC=400")             // it lives for seconds
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

// Reexec replaces this process by one of the same tests that is built without the race detector, with the same arguments: flags, output, exit status, and the
// log from which the go command knows what the tests depend on, are that process's. TestMain calls it first. It returns if there is nothing to do, or an error.
//
// The go command takes a result from its cache unless it sees that a test reads AllVariable, which has to be done by a test.
func Reexec() error {
	flag.Parse() // m.Run has yet to do so
	if !wanted() {
		return nil
	}
	tests, err := plainTests()
	if err != nil {
		return err
	}
	return syscall.Exec(tests, os.Args, environment()) //nolint:gosec // these tests
}

// All reports whether AllVariable is set: the tests may take their time.
func All() bool { return os.Getenv(AllVariable) == "1" }

// wanted reports whether tests are to run in another process. This one would not know what they cover there, or what fuzzing finds.
func wanted() bool {
	return Detector && !All() && testing.CoverMode() == "" && argument("test.fuzz") == ""
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
