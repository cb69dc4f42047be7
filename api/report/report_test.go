package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"ecs-api/orchestration/diagnosis"
	"ecs-api/orchestration/logs"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/oneoff"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/show"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

var at = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)

// failed is a deployment that was rolled back.
func failed() observe.Deployment {
	return observe.Deployment{
		Id: "ecs-svc/2222222222222222222", State: observe.RolledBack, Outcome: new(observe.OutcomeRolledBack), TaskDefinition: new("arn:aws:ecs:us-east-1:1:task-definition/web:2"),
		Images: map[string]string{"web": "app:2"}, CreatedAt: &at, EndedAt: new(at.Add(time.Minute)), FailedTasks: 3,
		Reason: new("Service deployment rolled back because the circuit breaker threshold was exceeded."), RolledBackTo: new("arn:aws:ecs:us-east-1:1:task-definition/web:1"),
	}
}

var problems = []diagnosis.Problem{{
	Code: diagnosis.ContainerExited, Container: new("web"), Task: new("9f"), Count: 3, Since: &at, Detail: "Essential container in task exited (exit code 1)\x1b[2J",
	Action: "Look at the container's last log lines: GET …/logs?container=web&previous=true",
}}

func TestReports(t *testing.T) {
	d := failed()
	for name, c := range map[string]struct {
		out  any
		want string
	}{
		"status": {&observe.Status{
			State: diagnosis.Steady, Summary: "1 of 1 task of web:3 running; the last deployment failed: web exits with code 1; 3 tasks failed", DesiredCount: 1, RunningCount: 1, Deployment: &d, Problems: problems,
			Tasks: []observe.Task{
				{Id: "0123", TaskDefinition: new("arn:aws:ecs:us-east-1:1:task-definition/web:1"), LastStatus: new("RUNNING"), HealthStatus: new("HEALTHY")},
				{Id: "9f", TaskDefinition: new("arn:aws:ecs:us-east-1:1:task-definition/web:2"), LastStatus: new("STOPPED"), HealthStatus: new("UNKNOWN"), StopCode: new("EssentialContainerExited")},
			},
			Targets: []diagnosis.Target{{Id: "10.0.0.5", Port: 80, State: "unhealthy", Reason: new("Request timed out")}},
			Events:  []observe.Event{{CreatedAt: &at, Message: new("(service www) has reached a steady state.")}},
		}, `steady: 1 of 1 task of web:3 running; the last deployment failed: web exits with
        code 1; 3 tasks failed
1 of 1 task running, 0 pending

problems
  ContainerExited in container web, 3 times since 2026-11-26 09:00:00
    Essential container in task exited (exit code 1) [2J
    -> Look at the container's last log lines: GET
       …/logs?container=web&previous=true

deployment
  ecs-svc/2222222222222222222 rolled_back web:2
    began 2026-11-26 09:00:00, ended 2026-11-26 09:01:00, 3 failed tasks
    web = app:2
    rolled back to web:1
    Service deployment rolled back because the circuit breaker threshold was
    exceeded.

tasks
  0123  web:1  RUNNING/HEALTHY
  9f    web:2  STOPPED          EssentialContainerExited

targets
  10.0.0.5:80  unhealthy  Request timed out

events
  2026-11-26 09:00:00  (service www) has reached a steady state.
`},
		"wait": {&observe.Result{Done: true, Outcome: d.Outcome, State: diagnosis.Steady, Problems: problems[:0], Deployment: &observe.Deployment{Id: "ecs-svc/1", State: observe.Completed, Outcome: new(observe.OutcomeSuperseded)}},
			"rolled_back; the service is steady\n  ecs-svc/1 completed - (superseded)\n    began -\n"},
		"a wait that is not over": {&observe.Result{State: diagnosis.Deploying}, "not done; the service is deploying\n"},
		"deployments":             {[]observe.Deployment{{Id: "ecs-svc/1", State: observe.InProgress, CreatedAt: &at}}, "  ecs-svc/1 in_progress -\n    began 2026-11-26 09:00:00\n"},
		"a deployment":            {&observe.Deployment{Id: "ecs-svc/1", State: observe.InProgress, CreatedAt: &at}, "  ecs-svc/1 in_progress -\n    began 2026-11-26 09:00:00\n"},
		"revisions": {[]observe.Revision{
			{Revision: 2, TaskDefinitionArn: new("arn:aws:ecs:us-east-1:1:task-definition/web:2"), RegisteredAt: &at, RegisteredBy: new("alice"), Status: new("ACTIVE"), Current: true, Images: map[string]string{"web": "app:2"},
				Changes: []observe.Change{{Path: "containerDefinitions[web].image", From: "app:1", To: "app:2"}, {Path: "cpu", To: "256"}, {Path: "memory", From: "512"}}},
			{Revision: 1, TaskDefinitionArn: new("arn:aws:ecs:us-east-1:1:task-definition/web:1"), Status: new("INACTIVE"), RegisteredAt: &at, RegisteredBy: new("arn:aws:sts::1:assumed-role/x/" + strings.Repeat("s", 60))},
		}, `web:2 (current)  registered 2026-11-26 09:00:00 by alice
    web = app:2
  ~ containerDefinitions[web].image: app:1 -> app:2
  + cpu: 256
  - memory: 512
web:1 INACTIVE  registered 2026-11-26 09:00:00
    by ` + strings.Repeat("s", 60) + `
`},
		"lines": {&logs.Page{Events: []logs.Event{{Message: "one"}, {Message: "\ttwo"}}}, "one\n\ttwo\n"},
		"services": {[]show.Summary{
			{ServiceName: new("www"), Cluster: "clu", State: diagnosis.Steady, DesiredCount: 1, RunningCount: 1, TaskDefinition: new("arn:aws:ecs:us-east-1:1:task-definition/web:2")},
			{ServiceName: new("api"), Cluster: "other", State: diagnosis.Failing, DesiredCount: 2},
		}, "  clu/www    steady   1/1  web:2\n  other/api  failing  0/2  -\n"},
	} {
		got, ok := Of(c.out)
		if diff := cmp.Diff(c.want, got); diff != "" || !ok {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
		for line := range strings.Lines(got) {
			if utf8.RuneCountInString(line) > width+1 {
				t.Errorf("%s: a line is too long: %s", name, line)
			}
		}
	}
	if _, ok := Of(struct{}{}); ok {
		t.Error("anything has a report")
	}
}

func TestAStatusIsALine(t *testing.T) {
	d := failed()
	got := StatusLine(at, &observe.Status{State: diagnosis.Steady, Summary: "a\nb", DesiredCount: 2, RunningCount: 1, Deployment: &d})
	if want := "2026-11-26T09:00:00Z steady 1/2 web:2 rolled_back: a b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAStepIsALine(t *testing.T) {
	end := func(after time.Duration) *time.Time { return new(at.Add(after)) }
	for want, c := range map[string]struct {
		step  saga.StepReport
		begun bool
	}{
		"2026-11-26T09:00:00Z create role": {saga.StepReport{Name: "create role", State: saga.Running, StartedAt: at}, false},
		"2026-11-26T09:00:00Z delete role": {saga.StepReport{Name: "delete role", State: saga.Succeeded, StartedAt: at, EndedAt: end(time.Millisecond)}, false},
		"2026-11-26T09:00:12Z wait for the deployment: done after 12.3s": {
			saga.StepReport{Name: "wait for the deployment", State: saga.Succeeded, StartedAt: at, EndedAt: end(12345 * time.Millisecond)}, true,
		},
		"2026-11-26T09:00:00Z read role: failed: no such role": {saga.StepReport{Name: "read role", State: saga.Failed, Detail: "no such\nrole", StartedAt: at, EndedAt: end(time.Millisecond)}, false},
		"": {saga.StepReport{Name: "create role", State: saga.Succeeded, StartedAt: at, EndedAt: end(time.Millisecond)}, true},
	} {
		if got := StepLine(c.step, c.begun); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := StepLine(saga.StepReport{Name: "read role", State: saga.Running, StartedAt: at}, false); got != "" {
		t.Errorf("a step that only reads: %q", got)
	}
}

func TestReportsOfWrites(t *testing.T) {
	d := failed()
	d.Problems = problems
	deployment, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for want, response := range map[string]string{
		"service www: web:1, 2 of 2 tasks running\n":     `{"Service":{"ServiceName":"www","Status":"ACTIVE","TaskDefinition":"arn:aws:ecs:us-east-1:1:task-definition/web:1","DesiredCount":2,"RunningCount":2},"Deployment":null,"Warnings":[]}`,
		"service www: deleted\n":                         `{"Service":{"ServiceName":"www","Status":"INACTIVE","TaskDefinition":"web:1"},"Operation":{"state":"succeeded"}}`,
		"service www: deleted, its tasks are stopping\n": `{"Service":{"ServiceName":"www","Status":"DRAINING","TaskDefinition":"web:1","RunningCount":1}}`,
		`service www
  ecs-svc/2222222222222222222 rolled_back web:2
    began 2026-11-26 09:00:00, ended 2026-11-26 09:01:00, 3 failed tasks
    web = app:2
    rolled back to web:1
    Service deployment rolled back because the circuit breaker threshold was
    exceeded.

problems
  ContainerExited in container web, 3 times since 2026-11-26 09:00:00
    Essential container in task exited (exit code 1) [2J
    -> Look at the container's last log lines: GET
       …/logs?container=web&previous=true

warnings
  IgnoredField a.b: is unknown here, and was ignored
`: `{"Service":{"ServiceName":"www","Status":"ACTIVE"},"Deployment":` + string(deployment) + `,"Warnings":[{"Code":"IgnoredField","Field":"a.b","Detail":"is unknown here, and was ignored"}]}`,
		`service www
  ecs-svc/1 in_progress web:1
    began 2026-11-26 09:00:00
    has no outcome yet: GET …/wait waits for it, GET …/status shows how far it is
`: `{"Service":{"ServiceName":"www","Status":"ACTIVE"},"Deployment":{"Id":"ecs-svc/1","State":"in_progress","TaskDefinition":"web:1","CreatedAt":"2026-11-26T09:00:00Z"}}`,
		"done\n": `{}`,
	} {
		if diff := cmp.Diff(want, Written(json.RawMessage(response))); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}

func TestMoreReports(t *testing.T) {
	for want, got := range map[string]string{
		`task 9f of web:1: STOPPED, exit code 4
    Essential container in task exited

logs of web
one
	two
`: Run(&oneoff.Output{
			Task: "9f", TaskDefinition: new("arn:aws:ecs:us-east-1:1:task-definition/web:1"), Container: "web", State: new("STOPPED"), ExitCode: new(int64(4)),
			Reason: new("Essential container in task exited"), Logs: []oneoff.Line{{Message: "one"}, {Message: "\ttwo"}},
		}),
		"task 9f of -: STOPPED, stopped because its time was over\n    no logs\n": Run(&oneoff.Output{Task: "9f", State: new("STOPPED"), TimedOut: true, LogsProblem: new("no logs")}),
		`failed: delete service myclu/www
    id 17
    began 2026-11-26 09:00:00, ended 2026-11-26 09:00:00
    AWS refuses
    failed  delete cluster: it is in use
running: run task myclu/www
    id 18
    began 2026-11-26 09:00:00
`: Operations([]operations.Operation{
			{ID: "17", Kind: "delete service", Target: "myclu/www", State: saga.Failed, StartedAt: at, EndedAt: &at, Error: "AWS refuses", Steps: []saga.StepReport{
				{Name: "read service", State: saga.Succeeded}, {Name: "delete cluster", State: saga.Failed, Detail: "it is in use"},
			}},
			{ID: "18", Kind: "run task", Target: "myclu/www", State: saga.Running, StartedAt: at},
		}),
	} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}

// A plan shows what differs by the paths of the revisions, not whole lists.
func TestAPlanShowsPaths(t *testing.T) {
	definition := func(image string, ports ...any) map[string]any {
		return map[string]any{"ContainerDefinitions": []any{map[string]any{"Name": "web", "Image": image, "DockerLabels": map[string]any{"Owner": image}, "PortMappings": ports}}}
	}
	plan := &resource.Preview{Changes: []resource.Change{{
		Resource: resource.KindTaskDefinition, Name: "web", Action: resource.ActionReplace, Reason: "the request changes it",
		Before: definition("app:1"), After: definition("app:2", map[string]any{"ContainerPort": 80}),
	}}}
	want := "~ replace task definition web: the request changes it\n" +
		"    ~ containerDefinitions[web].dockerLabels.Owner: app:1 -> app:2\n" +
		"    ~ containerDefinitions[web].image: app:1 -> app:2\n" +
		"    ~ containerDefinitions[web].portMappings: [] -> [{\"containerPort\":80}]\n"
	if diff := cmp.Diff(want, Plan(plan, nil)); diff != "" {
		t.Error(diff)
	}
}
