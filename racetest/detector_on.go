//go:build race

package racetest

import (
	"os"
	"runtime/debug"
	"slices"
	"syscall"
)

// Detector says whether the tests run under the race detector.
const Detector = true

// options are those of the race detector, which reads them from GORACE when a process starts. By default it waits for a second at the end of each process, for
// races to come. When tests have ended, none do, and there are some sixty packages of them.
const options = "atexit_sleep_ms=0"

// parallel is the flag for the number of parallel tests, which is higher than that of processors because tests wait as much as they work. It precedes the flags that
// go test passes on, so that go test -parallel overrides it.
const parallel = "-test.parallel=6"

// init makes processes of tests under the detector end at once, run more tests in parallel, and collect garbage less often, as that is a fifth of their work.
func init() {
	debug.SetGCPercent(1000)
	debug.SetMemoryLimit(1 << 30) // a process takes three times that
	if os.Getenv("GORACE") != "" {
		return // somebody has chosen options, or it is the process below
	}
	if self, err := os.Executable(); err == nil {
		args := slices.Insert(slices.Clone(os.Args), 1, parallel)
		_ = syscall.Exec(self, args, append(os.Environ(), "GORACE="+options)) //nolint:gosec // these tests; if it fails, they wait at their end
	}
}
