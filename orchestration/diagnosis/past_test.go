package diagnosis

import (
	"testing"
	"time"

	awsecs "ecs-api/ecs/sdk/ecs"
)

// TestWhyADeploymentFailedIsNotHowTheServiceIs sees that what failed before a rollback is reported as that, whatever the service does since.
func TestWhyADeploymentFailedIsNotHowTheServiceIs(t *testing.T) {
	t.Parallel()
	failed := Focus{ID: newer, Created: now.Add(-5 * time.Minute), Ended: now.Add(-2 * time.Minute), Failed: true}
	stopped := func(by string) *awsecs.Task {
		task := exited(1, code(3))
		task.StoppedAt, task.StartedBy = new(now.Add(-3*time.Minute)), new(by)
		return task
	}
	rolledBack := func(desired, running, pending int64, events ...*awsecs.ServiceEvent) *awsecs.Service {
		return &awsecs.Service{
			Status: new("ACTIVE"), DesiredCount: &desired, RunningCount: &running, PendingCount: &pending, TaskDefinition: new("arn:aws:ecs:eu-west-1:111122223333:task-definition/www:1"),
			Deployments: []*awsecs.Deployment{{Id: new(older), Status: new("PRIMARY"), RolloutState: new("COMPLETED"), FailedTasks: new(int64(0)), CreatedAt: new(now.Add(-3 * time.Minute))}}, Events: events,
		}
	}
	steady, noRoom := event(time.Minute, "has reached a steady state."), "was unable to place a task. Reason: Capacity is unavailable at this time."
	for name, c := range map[string]struct {
		service *awsecs.Service
		by      string
		want    Report
	}{
		"rolled back":                       {rolledBack(1, 1, 0, steady), newer, Report{State: Steady, Summary: "1 of 1 task of www:1 running; the last deployment failed: a exits with code 3; 1 task failed"}},
		"and scaled up":                     {rolledBack(2, 1, 1, steady), newer, Report{State: Deploying, Summary: "deploying www:1: 1 of 2 tasks running; the last deployment failed: a exits with code 3; 1 task failed"}},
		"scaled up, and there is no room":   {rolledBack(2, 1, 1, event(time.Second, noRoom), steady), newer, Report{State: Degraded, Summary: "AWS has no capacity"}},
		"scaled up, there was no room then": {rolledBack(2, 1, 1, steady, event(3*time.Minute, noRoom)), newer, Report{State: Deploying, Summary: "deploying www:1: 1 of 2 tasks running; the last deployment failed: a exits with code 3; 1 task failed"}},
		"what runs now fails too":           {rolledBack(2, 1, 1, steady), older, Report{State: Degraded, Summary: "a exits with code 3; 1 task failed"}},
		"a task of what runs was replaced":  {rolledBack(1, 1, 0, steady), older, Report{State: Steady, Summary: "1 of 1 task of www:1 running; lately a exits with code 3; 1 task failed"}},
	} {
		got := Diagnose(Evidence{Now: now, Service: c.service, Focus: failed, Tasks: []*awsecs.Task{stopped(c.by)}})
		if got.State != c.want.State || got.Summary != c.want.Summary {
			t.Errorf("%s: %s %q, want %s %q", name, got.State, got.Summary, c.want.State, c.want.Summary)
		}
		if len(got.Problems) == 0 {
			t.Errorf("%s: no problem says why the deployment failed", name)
		}
	}
}
