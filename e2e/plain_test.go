package e2e

import (
	"testing"

	"ecs-api/racetest"
)

// programVariable names the program to test, which a process of these tests without the race detector gets from the one that starts it.
const programVariable = "ECS_API_E2E_PROGRAM"

// plainly runs a test without the race detector, as racetest.Plainly does. It is for tests that start the program again and again, and kill it. They run the
// program without the detector anyway, and with it the simulated AWS and the client beside the program would be most of what such a test takes; both are
// under the detector in the tests of their own packages.
func plainly(t *testing.T) bool {
	t.Helper()
	if racetest.Detector {
		if err := dependOnSources(); err != nil { // else go test would not see that the program has changed
			t.Fatal(err)
		}
	}
	return racetest.Plainly(t, programVariable+"="+plainBinary, minimumVariable+"=") // the minimum is for all tests
}
