package e2e

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"ecs-api/racetest"
)

// endpointVariable names the moto_server to run against.
const endpointVariable = "ECS_API_E2E_ENDPOINT"

// minimumVariable is how many cases must have run for the suite to pass.
const minimumVariable = "ECS_API_E2E_MINIMUM"

// binary is the program under test, with the race detector if the tests have it; plainBinary is the same without it, for tests that start it so often that
// the detector's slow start is most of what they take.
var binary, plainBinary string

// ran and leftOut count the cases of the suite.
var ran, leftOut atomic.Int64

func TestMain(m *testing.M) { os.Exit(runSuite(m)) }

// runSuite runs the tests without the race detector, unless racetest.AllVariable is set: they are about what a client and AWS see of the program, and most of what
// they take is starting it. What runs at once in it does so in the tests of its packages too.
func runSuite(m *testing.M) int {
	if err := racetest.Reexec(); err != nil {
		return failSuite(err)
	}
	dir, err := os.MkdirTemp("", "ecs-api-e2e-")
	if err != nil {
		return failSuite(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	plainBinary = filepath.Join(dir, "ecs-api")
	if err := build(plainBinary); err != nil {
		return failSuite(err)
	}
	binary = plainBinary
	if racetest.Detector {
		binary = filepath.Join(dir, "ecs-api-race")
		if err := build(binary, "-race"); err != nil {
			return failSuite(err)
		}
	}
	// What runs in parallel waits more than it works: more of it at once than there are processors.
	parallel := "32"
	if racetest.Detector {
		parallel = "8"
	}
	if err := flag.Set("test.parallel", parallel); err != nil {
		return failSuite(err)
	}
	debug.SetGCPercent(400) // most of this process is simulated AWSs that live for a moment
	status := m.Run()
	fmt.Printf("e2e: %d cases ran against %s, %d left out\n", ran.Load(), backEndName(), leftOut.Load())
	if minimum, err := strconv.ParseInt(os.Getenv(minimumVariable), 10, 64); err == nil && ran.Load() < minimum {
		return failSuite(fmt.Errorf("at least %d cases were to run", minimum))
	}
	return status
}

func failSuite(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}

// dependOnSources reads the directories of the program, once, and whether it has the race detector. What the go command reads to build it, go test does not see: it
// would respond from its cache although the program has changed. It sees what tests read, and nothing of TestMain's.
var dependOnSources = sync.OnceValue(func() error {
	racetest.All()
	return filepath.WalkDir("..", func(_ string, entry fs.DirEntry, err error) error {
		if name := entry.Name(); err == nil && entry.IsDir() && name != ".." && strings.HasPrefix(name, ".") {
			return fs.SkipDir // .git, .ci
		}
		return err
	})
})

// build makes the program, as the Makefile does, with more flags.
func build(to string, flags ...string) error {
	args := append([]string{"build", "-o", to, "-tags", "grpcnotrace", "-ldflags", "-s -w -X main.version=v0-e2e -X main.githash=abc1234"}, flags...)
	return compile(append(args, "ecs-api")...)
}

// compile runs the go command.
func compile(args ...string) error {
	if out, err := exec.CommandContext(context.Background(), "go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", args[0], err, out)
	}
	return nil
}
