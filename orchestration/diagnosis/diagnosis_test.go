package diagnosis

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

// exited returns a task of the newer deployment, with the id n, of which the containers ended with the codes; nil for one without.
func exited(n int, codes ...*int64) *awsecs.Task {
	t := message{StopCode: "EssentialContainerExited", StoppedReason: "Essential container in task exited"}.task()
	t.TaskArn, t.Containers = new(fmt.Sprintf("arn:aws:ecs:eu-west-1:111122223333:task/myclu/%032d", n)), nil
	for i, code := range codes {
		t.Containers = append(t.Containers, &awsecs.Container{Name: new(string(rune('a' + i))), ExitCode: code})
	}
	return t
}

func code(n int64) *int64 { return &n }

func TestTheContainerThatEndedATaskIsBlamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		codes  []*int64
		blamed string
		detail string
		says   string
	}{
		"an error beside those that ECS stopped": {[]*int64{code(137), code(1), code(143)}, "b", "Essential container in task exited (exit code 1)", "last log lines"},
		"an error beside a success":              {[]*int64{code(0), code(3)}, "b", "Essential container in task exited (exit code 3)", "last log lines"},
		"a success beside those ECS stopped":     {[]*int64{code(143), code(0)}, "b", "Essential container in task exited (exit code 0)", "must keep running"},
		"killed":                                 {[]*int64{code(137)}, "a", "Essential container in task exited (exit code 137)", "more memory"},
		"ended on request":                       {[]*int64{code(143), code(143)}, "a", "Essential container in task exited (exit code 143)", "SIGTERM"},
		"never started":                          {[]*int64{nil}, "a", "Essential container in task exited", "never started"},
		"not executable":                         {[]*int64{code(126)}, "a", "Essential container in task exited (exit code 126)", "executable"},
		"not found":                              {[]*int64{code(127)}, "a", "Essential container in task exited (exit code 127)", "PATH"},
		"aborted":                                {[]*int64{code(134)}, "a", "Essential container in task exited (exit code 134)", "SIGABRT"},
		"crashed":                                {[]*int64{code(139)}, "a", "Essential container in task exited (exit code 139)", "SIGSEGV"},
		"minus one":                              {[]*int64{code(255)}, "a", "Essential container in task exited (exit code 255)", "GET …/logs?container=a&previous=true"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Diagnose(Evidence{Now: now, Service: deploying(), Tasks: []*awsecs.Task{exited(1, c.codes...)}}).Problems
			if len(got) != 1 || got[0].Code != ContainerExited || common.Value(got[0].Container) != c.blamed || got[0].Detail != c.detail || !strings.Contains(got[0].Action, c.says) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestTargetHealthHasItsCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state, code, description string
		says                     string // "": nothing is wrong
	}{
		{"healthy", "", "", ""},
		{"initial", "Elb.RegistrationInProgress", "", ""},
		{"initial", "Elb.InitialHealthChecking", "", ""},
		{"draining", "Target.DeregistrationInProgress", "", ""},
		{"unhealthy.draining", "Target.DeregistrationInProgress", "", ""},
		{"unavailable", "Target.HealthCheckDisabled", "", ""},
		{"unavailable", "Elb.InternalError", "", ""},
		{"unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]", "path is wrong"},
		{"unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [301]", "redirected"},
		{"unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [401]", "login"},
		{"unhealthy", "", "Health checks failed with these codes: [503]", "log"},
		{"unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [204]", "matcher"},
		{"unhealthy", "Target.Timeout", "Request timed out", "security group"},
		{"unhealthy", "Target.FailedHealthChecks", "Health checks failed", "127.0.0.1"},
		{"unhealthy", "Elb.InternalError", "", "Wait"},
		{"unused", "Target.NotInUse", "", "listener"},
		{"unused", "Target.NotRegistered", "", "registered"},
		{"unused", "Target.InvalidState", "", "registered"},
		{"unused", "Target.IpUnusable", "", "address"},
	} {
		target := Target{Id: "10.0.0.5", Port: 80, State: c.state, ReasonCode: c.code}
		if c.description != "" {
			target.Reason = &c.description
		}
		service := deploying()
		service.Deployments = service.Deployments[1:]
		service.Deployments[0].Status = new("PRIMARY")
		got := Diagnose(Evidence{Now: now, Service: service, Targets: []Target{target}})
		switch {
		case c.says == "" && len(got.Problems) != 0:
			t.Errorf("%+v reports nothing, got %+v", c, got.Problems)
		case c.says != "" && (len(got.Problems) != 1 || got.Problems[0].Code != TargetUnhealthy || !strings.Contains(got.Problems[0].Action, c.says) || !strings.Contains(got.Problems[0].Detail, c.description)):
			t.Errorf("%+v: got %+v", c, got.Problems)
		}
		if want := map[bool]State{true: Degraded, false: Steady}[c.state == "unhealthy"]; got.State != want {
			t.Errorf("%+v: the service is %s, want %s", c, got.State, want)
		}
	}
}

// event returns a service event some time ago.
func event(ago time.Duration, text string) *awsecs.ServiceEvent {
	return &awsecs.ServiceEvent{CreatedAt: new(now.Add(-ago)), Message: new("(service www) " + text)}
}

func TestOnlyThePresentIsReported(t *testing.T) {
	t.Parallel()
	steady := func() *awsecs.Service { // the newer deployment has succeeded
		s := deploying()
		s.Deployments = s.Deployments[:1]
		s.Deployments[0].RolloutState, s.Deployments[0].FailedTasks = new("COMPLETED"), new(int64(0))
		return s
	}
	ago := func(d time.Duration, by string) *awsecs.Task {
		task := exited(1, code(1))
		task.StoppedAt, task.StartedBy = new(now.Add(-d)), new(by)
		return task
	}
	rolledBack := steady()
	rolledBack.Deployments[0].Id = new(older)
	failed := Focus{ID: newer, Created: now.Add(-5 * time.Minute), Ended: now.Add(-time.Minute), Failed: true}
	for name, c := range map[string]struct {
		e    Evidence
		want []Code
	}{
		"a task of another deployment": {Evidence{Service: deploying(), Tasks: []*awsecs.Task{ago(time.Minute, "ecs-svc/3")}}, nil},
		"a task that runs":             {Evidence{Service: deploying(), Tasks: []*awsecs.Task{{LastStatus: new("RUNNING"), DesiredStatus: new("RUNNING"), StartedBy: new(newer)}}}, nil},
		"a task that stopped long ago, of a deployment in progress":    {Evidence{Service: deploying(), Tasks: []*awsecs.Task{ago(50*time.Minute, newer)}}, []Code{ContainerExited}},
		"a task that stopped long ago, of one that succeeded":          {Evidence{Service: steady(), Tasks: []*awsecs.Task{ago(50*time.Minute, newer)}}, nil},
		"a task that stopped just now, of one that succeeded":          {Evidence{Service: steady(), Tasks: []*awsecs.Task{ago(time.Minute, newer)}}, []Code{ContainerExited}},
		"a task of the one that was rolled back":                       {Evidence{Service: rolledBack, Focus: failed, Tasks: []*awsecs.Task{ago(50*time.Minute, newer)}}, []Code{ContainerExited}},
		"a task of the one that was rolled back, nobody asks about it": {Evidence{Service: rolledBack, Tasks: []*awsecs.Task{ago(time.Minute, newer)}}, nil},
		"an event of a steady service":                                 {Evidence{Service: with(steady(), event(time.Minute, "was unable to place a task. Reason: "+"Capacity is unavailable at this time."))}, nil},
		"an event from before the service was steady":                  {Evidence{Service: with(deploying(), event(time.Minute, "has reached a steady state."), event(2*time.Minute, "was unable to place a task. Reason: Capacity is unavailable at this time."))}, nil},
		"an event from before the deployment":                          {Evidence{Service: with(deploying(), event(6*time.Minute, "was unable to place a task. Reason: Capacity is unavailable at this time."))}, nil},
		"an event of the one that was rolled back":                     {Evidence{Service: with(rolledBack, event(time.Minute, "has reached a steady state."), event(2*time.Minute, "was unable to place a task. Reason: Capacity is unavailable at this time.")), Focus: failed}, []Code{NoCapacity}},
		"a verdict beside its cause":                                   {Evidence{Service: with(deploying(), event(time.Minute, "(deployment ecs-svc/2222222222222222222) deployment failed: tasks failed to start.")), Tasks: []*awsecs.Task{ago(time.Minute, newer)}}, []Code{ContainerExited}},
		"an event that no rule knows":                                  {Evidence{Service: with(deploying(), event(time.Minute, "was unable to frobnicate."))}, []Code{Unknown}},
		"an event that says what happens":                              {Evidence{Service: with(deploying(), event(time.Minute, "has started 1 tasks: (task 1)."))}, nil},
		"a young deployment's role":                                    {Evidence{Service: with(young(), event(time.Second, "failed to launch a task with (error ECS was unable to assume the role 'r' that was provided for this task."))}, nil},
		"a young deployment's target":                                  {Evidence{Service: young(), Targets: []Target{{State: "unhealthy"}}}, nil},
		"a deleted service":                                            {Evidence{Service: &awsecs.Service{Status: new("DRAINING"), DesiredCount: new(int64(1)), Events: []*awsecs.ServiceEvent{event(time.Minute, "was unable to frobnicate.")}}}, nil},
	} {
		c.e.Now = now
		var got []Code
		for _, p := range Diagnose(c.e).Problems {
			got = append(got, p.Code)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// with returns a copy of the service with events, newest first.
func with(s *awsecs.Service, events ...*awsecs.ServiceEvent) *awsecs.Service {
	other := *s
	other.Events = events
	return &other
}

// young returns a service that began to deploy seconds ago.
func young() *awsecs.Service {
	s := deploying()
	s.Deployments[0].CreatedAt, s.Deployments[0].FailedTasks = new(now.Add(-5*time.Second)), new(int64(0))
	return s
}

func TestTheSameIsReportedOnce(t *testing.T) {
	t.Parallel()
	var tasks []*awsecs.Task
	for n := range 3 {
		task := exited(n, code(1))
		task.StoppedAt = new(now.Add(-time.Duration(n+1) * time.Minute))
		tasks = append(tasks, task)
	}
	pull := message{StopCode: "TaskFailedToStart", StoppedReason: "CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref " + image + ": not found"}
	tasks = append(tasks, pull.task())
	service := with(deploying(), event(30*time.Second, "was unable to place a task. Reason: "+pull.StoppedReason+"."))
	got := Diagnose(Evidence{Now: now, Service: service, Tasks: tasks})
	want := Report{State: Deploying, Summary: "a exits with code 1; 3 tasks failed", Problems: []Problem{
		{Code: ContainerExited, Container: new("a"), Task: new(fmt.Sprintf("%032d", 0)), Count: 3, Since: new(now.Add(-3 * time.Minute)),
			Detail: "Essential container in task exited (exit code 1)", Action: "Look at the container's last log lines: GET …/logs?container=a&previous=true"},
		{Code: ImageNotFound, Container: new("web"), Task: new("0123456789abcdef0123456789abcdef"), Count: 1, Since: new(now.Add(-time.Minute)),
			Detail: pull.StoppedReason, Action: "Check the image's name, tag, account and region, and that it has been pushed; then deploy again."},
	}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Problem{})); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestAReportIsBounded(t *testing.T) {
	t.Parallel()
	service := deploying()
	for n := range 100 {
		service.Events = append(service.Events, event(time.Minute, "failed "+string(rune('a'+n%26))+strings.Repeat("x", n)+strings.Repeat("é", 1000)))
	}
	got := Diagnose(Evidence{Now: now, Service: service}).Problems
	if len(got) != maxProblems {
		t.Errorf("%d problems", len(got))
	}
	for _, p := range got {
		if len(p.Detail) > maxDetail+len("…") || !strings.HasSuffix(p.Detail, "é…") {
			t.Errorf("the detail is %q", p.Detail)
		}
	}
}

func TestTheStateOfAService(t *testing.T) {
	t.Parallel()
	service := func(status string, desired, running, pending int64, deployments ...*awsecs.Deployment) *awsecs.Service {
		return &awsecs.Service{Status: &status, DesiredCount: &desired, RunningCount: &running, PendingCount: &pending, Deployments: deployments, TaskDefinition: new("arn:aws:ecs:eu-west-1:111122223333:task-definition/www:2")}
	}
	primary := func(rollout string, failed int64) *awsecs.Deployment {
		d := &awsecs.Deployment{Id: new(newer), Status: new("PRIMARY"), FailedTasks: &failed}
		if rollout != "" {
			d.RolloutState = &rollout
		}
		return d
	}
	draining := &awsecs.Deployment{Id: new(older), Status: new("DRAINING")}
	for _, c := range []struct {
		service *awsecs.Service
		state   State
		summary string
	}{
		{service("ACTIVE", 2, 2, 0, primary("COMPLETED", 0)), Steady, "2 of 2 tasks of www:2 running"},
		{service("ACTIVE", 2, 1, 0, primary("COMPLETED", 0)), Degraded, "1 of 2 tasks running"},
		{service("ACTIVE", 2, 1, 1, primary("COMPLETED", 0)), Degraded, "deploying www:2: 1 of 2 tasks running"},
		{service("ACTIVE", 2, 0, 0, primary("COMPLETED", 0)), Failing, "0 of 2 tasks running"},
		{service("ACTIVE", 1, 0, 1, primary("IN_PROGRESS", 0)), Deploying, "deploying www:2: 0 of 1 task running"},
		{service("ACTIVE", 1, 0, 0, primary("IN_PROGRESS", 0)), Deploying, "deploying www:2: 0 of 1 task running"},
		{service("ACTIVE", 1, 0, 1, primary("IN_PROGRESS", 1)), Failing, "0 of 1 task running"},
		{service("ACTIVE", 1, 1, 0, primary("IN_PROGRESS", 3)), Deploying, "deploying www:2: 1 of 1 task running"},
		{service("ACTIVE", 1, 2, 0, primary("", 0), draining), Deploying, "deploying www:2: 2 of 1 task running"},
		{service("ACTIVE", 1, 1, 0, primary("", 0)), Steady, "1 of 1 task of www:2 running"},
		{service("ACTIVE", 1, 1, 0, primary("COMPLETED", 0), draining), Steady, "1 of 1 task of www:2 running"},
		{service("ACTIVE", 1, 1, 0, primary("FAILED", 3), draining), Degraded, "1 of 1 task running"},
		{service("ACTIVE", 1, 0, 0, primary("FAILED", 3)), Failing, "0 of 1 task running"},
		{service("ACTIVE", 0, 0, 0, primary("COMPLETED", 0)), Stopped, "scaled to 0"},
		{service("ACTIVE", 0, 1, 0, primary("COMPLETED", 0)), Deploying, "deploying www:2: 1 of 0 tasks running"},
		{service("ACTIVE", 0, 0, 0), Stopped, "scaled to 0"},
		{service("DRAINING", 0, 1, 0), Draining, "deleted; 1 task still running"},
		{service("INACTIVE", 0, 0, 0), Inactive, "deleted"},
	} {
		if got := StateOf(c.service); got != c.state {
			t.Errorf("%s: got %s", c.service, got)
		}
		if got := Diagnose(Evidence{Now: now, Service: c.service}).Summary; got != c.summary {
			t.Errorf("%s: got %q, want %q", c.service, got, c.summary)
		}
	}
}

func TestATaskThatFailsItsHealthCheckMakesAServiceDegraded(t *testing.T) {
	t.Parallel()
	service := deploying()
	service.Deployments = service.Deployments[:1]
	service.Deployments[0].RolloutState = new("COMPLETED")
	task := &awsecs.Task{LastStatus: new("RUNNING"), DesiredStatus: new("RUNNING"), HealthStatus: new("UNHEALTHY"), StartedBy: new(newer)}
	if got := Diagnose(Evidence{Now: now, Service: service, Tasks: []*awsecs.Task{task}}).State; got != Degraded {
		t.Errorf("the service is %s", got)
	}
}

func TestEveryCodeAndStateIsListedOnce(t *testing.T) {
	t.Parallel()
	codes := map[Code]int{}
	for _, c := range Codes() {
		codes[c]++
	}
	for _, r := range rules {
		if r.code != "" && codes[r.code] != 1 {
			t.Errorf("%s is listed %d times", r.code, codes[r.code])
		}
	}
	if len(codes) != len(phrases)+2 { // ContainerExited and Unknown have no fixed words
		t.Errorf("%d codes, %d of them with words for a summary", len(codes), len(phrases))
	}
	if len(States()) != 7 {
		t.Errorf("states: %v", States())
	}
}
