package ecs_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/ecs"
	sdk "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
)

func TestRevisionsAreListedNewestFirst(t *testing.T) {
	c, simulator := start(t)
	var want []string
	for range 101 {
		want = append(want, register(t, c, "www"))
	}
	register(t, c, "www2")
	slices.Reverse(want)
	simulator.ResetCalls()
	if diff := cmp.Diff(want, awstest.Must[[]string](t, "list")(c.ListTaskDefinitions(t.Context(), "www", ""))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"www", "www2"}, awstest.Must[[]string](t, "families")(c.ListTaskDefinitionFamilies(t.Context(), "ww", sdk.TaskDefinitionFamilyStatusActive))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"ListTaskDefinitions": 2, "ListTaskDefinitionFamilies": 1}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
	latest := awstest.Must[*sdk.DescribeTaskDefinitionOutput](t, "describe")(c.TaskDefinition(t.Context(), "www"))
	if aws.StringValue(latest.TaskDefinition.TaskDefinitionArn) != want[0] || !cmp.Equal(tags, ecs.ToTags(latest.Tags)) {
		t.Errorf("got %v", latest)
	}
}

func TestRevisionsAreDeletedByTens(t *testing.T) {
	c, simulator := start(t)
	var arns []string
	for range 21 {
		arns = append(arns, register(t, c, "www"))
	}
	for _, arn := range arns {
		if got := awstest.Must[*sdk.TaskDefinition](t, "deregister")(c.DeregisterTaskDefinition(t.Context(), arn)); aws.StringValue(got.Status) != sdk.TaskDefinitionStatusInactive {
			t.Errorf("got %v", got)
		}
	}
	simulator.ResetCalls()
	for _, what := range []string{"once", "again"} {
		if err := c.DeleteTaskDefinitions(t.Context(), arns); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if diff := cmp.Diff(map[string]int{"DeleteTaskDefinitions": 6}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
	if left := awstest.Must[[]string](t, "list")(c.ListTaskDefinitions(t.Context(), "www", sdk.TaskDefinitionStatusInactive)); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

func TestRegisteringIsTriedOnlyOnce(t *testing.T) {
	for _, test := range []struct {
		name      string
		effect    localaws.Effect
		calls     int
		ambiguous bool
	}{
		{"the response is lost", localaws.Lose, 1, true},
		{"AWS is down", localaws.Down, 1, true},
		{"throttled calls took no effect, and are tried again", localaws.Throttle, 2, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, simulator := start(t, localaws.WithFaults(localaws.Fault{Operation: "RegisterTaskDefinition", Effect: test.effect}))
			_, err := c.RegisterTaskDefinition(t.Context(), taskDefinition("www"))
			if common.Ambiguous(err) != test.ambiguous || (err == nil) == test.ambiguous {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff(map[string]int{"RegisterTaskDefinition": test.calls}, awstest.Calls(simulator)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestALostDeregisterIsNoFailure(t *testing.T) {
	c, simulator := start(t)
	arn := register(t, c, "www")
	simulator.Inject(
		localaws.Fault{Operation: "DeregisterTaskDefinition", Effect: localaws.Lose},
		localaws.Fault{Operation: "DeregisterTaskDefinition", Code: "ClientException", Message: "The specified task definition is inactive."},
	)
	got := awstest.Must[*sdk.TaskDefinition](t, "deregister")(c.DeregisterTaskDefinition(t.Context(), arn))
	if aws.StringValue(got.Status) != sdk.TaskDefinitionStatusInactive {
		t.Errorf("got %v", got)
	}
	other := register(t, c, "www")
	simulator.Inject(
		localaws.Fault{Operation: "DeregisterTaskDefinition", Effect: localaws.Down},
		localaws.Fault{Operation: "DeregisterTaskDefinition", Code: "ClientException", Message: "no"},
	)
	_, err := c.DeregisterTaskDefinition(t.Context(), other)
	checkError(t, err, common.BadRequest, fmt.Sprintf("deregister task definition %q: ", other))
}
