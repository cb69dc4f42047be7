package ecs

import "testing"

func TestWhatAFailureToDeleteMeans(t *testing.T) {
	for reason, want := range map[string]bool{
		"The specified task definition does not exist. Specify a valid account, family, revision and try again.": true,
		"MISSING": true,
		"The task definition is already in DELETE_IN_PROGRESS status.":                                         true,
		"The specified task definition is still in ACTIVE status. Please deregister the target and try again.": false,
		"The specified task definition identifier is invalid. Specify a valid name or ARN and try again.":      false,
	} {
		if got := gone(reason); got != want {
			t.Errorf("%q: gone is %v, want %v", reason, got, want)
		}
	}
}
