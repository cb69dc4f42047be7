package observe

import (
	"fmt"
	"testing"
	"time"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// The time of these tests, and what they are about: the deployment new replaces old.
var moment = time.Date(2026, 11, 26, 9, 10, 0, 0, time.UTC)

const newID, oldID = "ecs-svc/22", "ecs-svc/11"

// entry is a deployment as DescribeServices shows it, begun and changed so long ago.
func entry(id, status, rollout string, ago, changed time.Duration) *awsecs.Deployment {
	d := &awsecs.Deployment{Id: &id, Status: &status, CreatedAt: new(moment.Add(-ago)), UpdatedAt: new(moment.Add(-changed)), TaskDefinition: new("td" + id), DesiredCount: new(int64(1)), RunningCount: new(int64(1))}
	if rollout != "" {
		d.RolloutState = &rollout
	}
	return d
}

// brief is a service deployment as a list shows it, begun and ended so long ago; ended 0 is not ended.
func brief(id, status string, ago, ended time.Duration) *awsecs.ServiceDeploymentBrief {
	b := &awsecs.ServiceDeploymentBrief{
		ServiceDeploymentArn: new("sd-" + id), TargetServiceRevisionArn: new("arn:service-revision/clu/www/" + id[len(deploymentPrefix):]), Status: &status, CreatedAt: new(moment.Add(-ago)),
	}
	if ended > 0 {
		b.FinishedAt = new(moment.Add(-ended))
	}
	return b
}

// said is a service event, so long ago.
func said(ago time.Duration, text string) *awsecs.ServiceEvent {
	return &awsecs.ServiceEvent{CreatedAt: new(moment.Add(-ago)), Message: new("(service www) " + text)}
}

// seen is what was found of a service: its deployments, service deployments (nil: none are read) and events, newest first.
func seen(deployments []*awsecs.Deployment, briefs []*awsecs.ServiceDeploymentBrief, events ...*awsecs.ServiceEvent) *found {
	f := newFound(moment)
	f.service = &awsecs.Service{
		Status: new("ACTIVE"), DesiredCount: new(int64(1)), RunningCount: new(int64(1)), PendingCount: new(int64(0)), TaskDefinition: new("td"), Deployments: deployments, Events: events,
	}
	f.briefs = briefs
	return f
}

func TestWhatAWSShowsOfDeployments(t *testing.T) {
	t.Parallel()
	const m = time.Minute
	type (
		entries = []*awsecs.Deployment
		briefs  = []*awsecs.ServiceDeploymentBrief
	)
	failedEvent, rollingBack := said(2*m, "(deployment ecs-svc/22) deployment failed: tasks failed to start."), said(2*m, "rolling back to deployment ecs-svc/11.")
	for name, c := range map[string]struct {
		f    *found
		want string // the newest: id, state, outcome, task definition that it was rolled back to
	}{
		"moto, which has no states of rollouts": {seen(entries{entry(newID, "PRIMARY", "", m, m)}, nil), "ecs-svc/22 completed succeeded -"},
		"moto, with an older one":               {seen(entries{entry(newID, "PRIMARY", "", m, m), entry(oldID, "ACTIVE", "", 9*m, m)}, nil), "ecs-svc/22 in_progress none -"},
		"rolling back, under the old id": {seen(entries{entry(oldID, "PRIMARY", "IN_PROGRESS", 9*m, m), entry(newID, "ACTIVE", "FAILED", 5*m, m)}, nil, rollingBack, failedEvent),
			"ecs-svc/22 rolling_back none tdecs-svc/11"},
		"rolled back, the failed one is gone": {seen(entries{entry(oldID, "PRIMARY", "COMPLETED", 9*m, m)}, nil, said(m, "(deployment ecs-svc/11) deployment completed."), rollingBack, failedEvent),
			"ecs-svc/22 rolled_back rolled_back tdecs-svc/11"},
		"rolled back, the last event is gone": {seen(entries{entry(oldID, "PRIMARY", "COMPLETED", 9*m, m)}, nil, rollingBack, failedEvent), "ecs-svc/22 rolled_back rolled_back tdecs-svc/11"},
		"rolled back to a deployment with an id of its own": {seen(entries{entry("ecs-svc/33", "PRIMARY", "COMPLETED", 2*m, m)}, nil, said(m, "(deployment ecs-svc/33) deployment completed."),
			said(2*m, "rolling back to deployment ecs-svc/33."), failedEvent), "ecs-svc/22 rolled_back rolled_back tdecs-svc/33"},
		"a newer deployment after a rollback": {seen(entries{entry("ecs-svc/33", "PRIMARY", "COMPLETED", m, m)}, nil, said(m, "(deployment ecs-svc/33) deployment completed."), rollingBack, failedEvent),
			"ecs-svc/33 completed succeeded -"},
		"failed, and nothing rolls it back":            {seen(entries{entry(newID, "PRIMARY", "FAILED", 5*m, m), entry(oldID, "ACTIVE", "COMPLETED", 9*m, m)}, nil, failedEvent), "ecs-svc/22 failed failed -"},
		"failed this moment, with service deployments": {seen(entries{entry(newID, "PRIMARY", "FAILED", 5*m, time.Second)}, briefs{brief(newID, "IN_PROGRESS", 5*m, 0)}), "ecs-svc/22 in_progress none -"},
		"failed a while ago, with service deployments": {seen(entries{entry(newID, "PRIMARY", "FAILED", 5*m, m)}, briefs{brief(newID, "IN_PROGRESS", 5*m, 0)}), "ecs-svc/22 failed failed -"},
		"successful, while old tasks stop": {seen(entries{entry(newID, "PRIMARY", "IN_PROGRESS", 5*m, m), entry(oldID, "ACTIVE", "COMPLETED", 9*m, m)}, briefs{brief(newID, "SUCCESSFUL", 5*m, m)}),
			"ecs-svc/22 in_progress none -"},
		"the service is of the moment before the rollback": {seen(entries{entry(newID, "PRIMARY", "IN_PROGRESS", 5*m, 4*m)}, briefs{brief(newID, "ROLLBACK_SUCCESSFUL", 5*m, time.Second)}), "ecs-svc/22 in_progress none -"},
		"the service never says that it ended":             {seen(entries{entry(newID, "PRIMARY", "IN_PROGRESS", 5*m, 4*m)}, briefs{brief(newID, "STOPPED", 5*m, m)}), "ecs-svc/22 stopped failed -"},
		"AWS does not list the newest yet": {seen(entries{entry(newID, "PRIMARY", "IN_PROGRESS", m, m), entry(oldID, "ACTIVE", "COMPLETED", 9*m, 8*m)}, briefs{brief(oldID, "SUCCESSFUL", 9*m, 8*m)}),
			"ecs-svc/22 in_progress none -"},
		"numbers that do not agree":                         {seen(entries{entry(newID, "PRIMARY", "COMPLETED", 5*m, m)}, briefs{brief("ecs-svc/77", "SUCCESSFUL", 5*m, m)}), "ecs-svc/22 completed succeeded -"},
		"a deployment controller that ECS tells nothing of": {seen(nil, briefs{brief(newID, "SUCCESSFUL", 5*m, m)}), "ecs-svc/22 completed superseded -"},
	} {
		all := c.f.deployments()
		if len(all) == 0 {
			t.Errorf("%s: no deployments", name)
			continue
		}
		back := common.Value(all[0].RolledBackTo)
		if back == "" {
			back = "-"
		}
		if got := fmt.Sprint(all[0].Id, " ", all[0].State, " ", outcomeOf(all[0].Outcome), " ", back); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestADeploymentWhoseTasksDoNotAllRunHasNotSucceeded(t *testing.T) {
	t.Parallel()
	f := seen([]*awsecs.Deployment{entry(newID, "PRIMARY", "COMPLETED", time.Minute, time.Minute)}, nil)
	f.service.Deployments[0].DesiredCount = new(int64(2)) // the count was raised, or a task has just ended
	if r := f.result(newID); r.Done || r.Outcome != nil {
		t.Errorf("got %+v", r)
	}
	f.service.Deployments[0].RunningCount = new(int64(2))
	if r := f.result(newID); !r.Done || outcomeOf(r.Outcome) != "succeeded" {
		t.Errorf("got %+v", r)
	}
}
