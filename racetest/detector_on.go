//go:build race

package racetest

import (
	"os"
	"runtime/debug"
	"syscall"
)

// Detector says whether the tests run under the race detector.
const Detector = true

// options are those of the race detector, which reads them from GORACE when a process starts. Unless it is told otherwise it waits for a second at the end of
// each process, for races to come; when tests have ended, none do, and there are some sixty packages of them.
const options = "atexit_sleep_ms=0"

// init makes processes of tests under the detector end at once, and collect garbage less often, as that is a fifth of their work.
func init() {
	debug.SetGCPercent(400)
	if os.Getenv("GORACE") != "" {
		return // somebody has chosen options, or it is the process below
	}
	self, err := os.Executable()
	if err == nil {
		err = syscall.Exec(self, os.Args, append(os.Environ(), "GORACE="+options)) //nolint:gosec // these tests
	}
	_ = err // where a process cannot start another program in its place, it waits at its end
}
