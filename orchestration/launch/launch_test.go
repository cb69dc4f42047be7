package launch

import (
	"testing"

	awsecs "ecs-api/ecs/sdk/ecs"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestReasonsAreReportedOnce(t *testing.T) {
	failure := func(reason, detail string) *awsecs.Failure { return &awsecs.Failure{Reason: &reason, Detail: &detail} }
	if got, want := Reasons([]*awsecs.Failure{failure("RESOURCE:MEMORY", ""), failure("no capacity", "in a"), failure("RESOURCE:MEMORY", "")}), "RESOURCE:MEMORY; no capacity (in a)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Reasons(nil); got != "AWS gives no reason" {
		t.Errorf("got %q", got)
	}
}
