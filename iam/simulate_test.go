package iam_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ecs-api/common"
	"ecs-api/iam"
	"ecs-api/localaws"
)

func TestSimulationTellsWhatIsDenied(t *testing.T) {
	c, _ := start(t, localaws.DenyActions("ecs:RunTask", "ecs:DeleteTaskDefinitions"))
	definitions := "arn:aws:ecs:us-east-1:123456789012:task-definition/x"
	denied, err := c.Denied(t.Context(), "arn:aws:iam::123456789012:role/ecs-api", iam.Question{
		Actions: []string{"ecs:RunTask", "ecs:StopTask"}, Resources: []string{definitions, "*"}, Context: map[string]string{"aws:RequestTag/spinup:org": "localdev"},
	})
	if diff := cmp.Diff([]iam.Denial{{Action: "ecs:RunTask", Resource: definitions}, {Action: "ecs:RunTask", Resource: "*"}}, denied, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	denied, err = c.Denied(t.Context(), "arn:aws:iam::123456789012:user/me", iam.Question{Actions: []string{"ecs:StopTask"}})
	if err != nil || len(denied) > 0 {
		t.Errorf("%v, %v", denied, err)
	}
	_, err = c.Denied(t.Context(), "arn:aws:sts::123456789012:assumed-role/x/y", iam.Question{Actions: []string{"ecs:StopTask"}})
	checkError(t, err, common.BadRequest, "simulate the policies of arn:aws:sts::123456789012:assumed-role/x/y: ")
}
