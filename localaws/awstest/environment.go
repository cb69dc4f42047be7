package awstest

import (
	"os"

	_ "ecs-api/racetest" // for what it does to a process of tests
)

// The SDK reads the certificates of AWS_CA_BUNDLE anew for each session, and tests make thousands; the simulator speaks plain HTTP.
func init() { _ = os.Unsetenv("AWS_CA_BUNDLE") }
