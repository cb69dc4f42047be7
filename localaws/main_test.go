package localaws_test

import (
	"fmt"
	"os"
	"testing"

	"ecs-api/racetest"
)

// TestMain runs the tests without the race detector, unless racetest.AllVariable is set: most of them are about what a call returns. The tests of every other package
// that calls AWS run this one under the detector too, with many callers at once.
func TestMain(m *testing.M) {
	if err := racetest.Reexec(); err != nil {
		fmt.Fprintln(os.Stderr, "localaws:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
