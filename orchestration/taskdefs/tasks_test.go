package taskdefs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/orchestration/diagnosis"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/racetest"
)

// script is a request that has the container report run a shell's script.
func script(text string) *RunInput {
	return &RunInput{Overrides: &awsecs.TaskOverride{ContainerOverrides: []*awsecs.ContainerOverride{
		{Name: aws.String("report"), Command: aws.StringSlice([]string{"sh", "-c", text})},
	}}}
}

// ended says of an outcome how its container report ended, and what it wrote.
func ended(o Outcome) string {
	var lines []string
	for _, line := range o.Logs {
		if line.Container == "report" {
			lines = append(lines, line.Message)
		}
	}
	for _, c := range o.Containers {
		if *c.Name == "report" && c.ExitCode != nil {
			return fmt.Sprintf("%s with %d: %s", *o.LastStatus, *c.ExitCode, strings.Join(lines, ", "))
		}
	}
	return *o.LastStatus + ": " + strings.Join(lines, ", ")
}

func TestWhoWaitsSeesHowTasksEnd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		script   string
		wait     time.Duration
		want     string
		problems []diagnosis.Code
		took     time.Duration // at least
	}{
		"done":       {"echo one; sleep 30; echo two", 5 * time.Minute, "STOPPED with 0: one, two", nil, 30 * time.Second},
		"failed":     {"echo oops; exit 3", 5 * time.Minute, "STOPPED with 3: oops", []diagnosis.Code{diagnosis.ContainerExited}, 0},
		"still runs": {"echo one; sleep 3000", time.Minute, "RUNNING: one", nil, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTimedWorld(t)
			w.create(t, "myclu", "reports")
			in := script(tt.script)
			in.Count, in.StartedBy = aws.Int64(2), aws.String("nightly")
			began := w.clock.Now()
			out, err := w.Run(t.Context(), "myclu", "reports", in, tt.wait)
			if err != nil {
				t.Fatal(err)
			}
			took := w.clock.Now().Sub(began)
			if took < tt.took || took > tt.wait+lastLook {
				t.Errorf("it took %v, want %v at least", took, tt.took)
			}
			if len(out.Tasks) != 2 || len(out.Outcomes) != 2 || out.Failures == nil || len(out.Failures) > 0 {
				t.Fatalf("%+v", out)
			}
			for i, o := range out.Outcomes {
				if got := ended(o); got != tt.want || o.LogsProblem != nil || !strings.HasSuffix(*out.Tasks[i].TaskArn, o.Id) || *out.Tasks[i].StartedBy != "nightly" || *out.Tasks[i].LastStatus != *o.LastStatus {
					t.Errorf("%s, %+v, want %s", got, o, tt.want)
				}
			}
			var codes []diagnosis.Code
			for _, p := range out.Problems {
				codes = append(codes, p.Code)
				if p.Count != 2 || aws.StringValue(p.Container) != "report" || strings.Contains(p.Action, "previous") {
					t.Errorf("%+v", p)
				}
			}
			if diff := cmp.Diff(tt.problems, codes); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhyTasksCannotStart(t *testing.T) {
	t.Parallel()
	w := newTimedWorld(t)
	in := whole(t, "myclu", "reports")
	in.TaskDefinition.ContainerDefinitions[0].Image = aws.String("registry.example.com/report:not-found")
	if _, err := w.Create(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	out, err := w.Run(t.Context(), "myclu", "reports", &RunInput{}, 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Problems) != 1 || out.Problems[0].Code != diagnosis.ImageNotFound || *out.Problems[0].Task != out.Outcomes[0].Id || len(out.Outcomes[0].Logs) > 0 {
		t.Errorf("%+v", out)
	}
	shown, err := w.ShowTask(t.Context(), "myclu", "reports", out.Outcomes[0].Id)
	if err != nil {
		t.Fatal(err)
	}
	if got := NewTaskOutput(shown); len(got.Problems) != 1 || got.Problems[0].Code != diagnosis.ImageNotFound {
		t.Errorf("shown: %+v", got)
	}
}

func TestWhatIsNotRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, "myclu", "reports")
	for name, tt := range map[string]struct {
		in   *RunInput
		want common.Code
		kind common.Kind
	}{
		"none":                       {&RunInput{Count: aws.Int64(0)}, common.CodeInvalidRequest, common.BadRequest},
		"too many":                   {&RunInput{Count: aws.Int64(11)}, common.CodeInvalidRequest, common.BadRequest},
		"a role that is not allowed": {&RunInput{Overrides: &awsecs.TaskOverride{TaskRoleArn: aws.String("arn:aws:iam::123456789012:role/admin")}}, common.CodeInvalidRequest, common.BadRequest},
		"an execution role":          {&RunInput{Overrides: &awsecs.TaskOverride{ExecutionRoleArn: aws.String("arn:aws:iam::123456789012:role/app")}}, common.CodeInvalidRequest, common.BadRequest},
	} {
		if _, err := w.Run(t.Context(), "myclu", "reports", tt.in, 0); common.ResponseCode(err) != tt.want || !common.Is(err, tt.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.waiting.Store(maxWaiting)
	if _, err := w.Run(t.Context(), "myclu", "reports", &RunInput{}, time.Second); !common.Is(err, common.Unavailable) {
		t.Errorf("one more that waits: %v", err)
	}
	w.waiting.Store(0)
	if all := w.all(t, "myclu"); len(all) > 0 {
		t.Errorf("%d tasks were started", len(all))
	}
}

// all returns the ARNs of all tasks in the cluster.
func (w *world) all(t *testing.T, cluster string) []string {
	t.Helper()
	var all []string
	for _, status := range []string{awsecs.DesiredStatusRunning, awsecs.DesiredStatusStopped} {
		arns, err := w.account.ECS.ListTasks(t.Context(), ecs.TaskFilter{Cluster: cluster, Status: status})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, arns...)
	}
	return all
}

// run runs tasks and returns their ids.
func (w *world) run(t *testing.T, family, startedBy string, count int64) []string {
	t.Helper()
	out, err := w.Run(t.Context(), "myclu", family, &RunInput{Count: &count, StartedBy: &startedBy}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, task := range out.Tasks {
		ids = append(ids, shortName("", *task.TaskArn)[1:])
	}
	return ids
}

func TestTasksAreThoseOfTheirFamily(t *testing.T) {
	t.Parallel()
	w := newTimedWorld(t)
	w.create(t, "myclu", "reports")
	w.create(t, "myclu", "mails")
	mine, nightly, others := w.run(t, "reports", "me", 2), w.run(t, "reports", "nightly", 1), w.run(t, "mails", "nightly", 1)
	stopped, err := w.StopTask(t.Context(), "myclu", "reports", mine[0], "enough")
	if err != nil || aws.StringValue(stopped.DesiredStatus) != awsecs.DesiredStatusStopped || aws.StringValue(stopped.StoppedReason) != "enough" {
		t.Fatalf("stopped: %v, %v", stopped, err)
	}
	_ = w.clock.Wait(t.Context(), time.Minute)
	if _, err := w.StopTask(t.Context(), "myclu", "reports", mine[0], ""); err != nil {
		t.Errorf("stopped again: %v", err)
	}
	for name, tt := range map[string]struct {
		statuses  []string
		startedBy string
		want      []string
	}{
		"running":              {nil, "", []string{mine[1], nightly[0]}},
		"stopped":              {[]string{"STOPPED"}, "", []string{mine[0]}},
		"both":                 {[]string{"RUNNING", "STOPPED"}, "", []string{mine[0], mine[1], nightly[0]}},
		"by who started them":  {nil, "nightly", []string{nightly[0]}},
		"by whom, and stopped": {[]string{"STOPPED"}, "me", []string{mine[0]}},
		"by nobody":            {nil, "nobody", []string{}},
	} {
		got, err := w.ListTasks(t.Context(), "myclu", "reports", tt.statuses, tt.startedBy)
		want := []string{}
		for _, id := range tt.want {
			want = append(want, "myclu/"+id)
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	for name, do := range map[string]func(family, id string) error{
		"show": func(family, id string) error {
			_, err := w.ShowTask(t.Context(), "myclu", family, id)
			return err
		},
		"stop": func(family, id string) error {
			_, err := w.StopTask(t.Context(), "myclu", family, id, "")
			return err
		},
	} {
		for what, at := range map[string][2]string{"another family's": {"reports", others[0]}, "no family's": {"nothing", mine[1]}, "none": {"reports", strings.Repeat("0", 32)}} {
			if err := do(at[0], at[1]); !common.Is(err, common.NotFound) {
				t.Errorf("%s %s: %v", name, what, err)
			}
		}
	}
	if got, err := w.ListTasks(t.Context(), "myclu", "mails", nil, ""); err != nil || !slices.Equal(got, []string{"myclu/" + others[0]}) {
		t.Errorf("the other family has %v, %v", got, err)
	}
}

// TestOneRequestRunsItsTasksOnce breaks each AWS call of a run that waits, in each way: what fails starts nothing, and no response that is lost starts more.
func TestOneRequestRunsItsTasksOnce(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	breakEach(t, breaks(6, -1),
		func(w *world) { w.create(t, "myclu", "reports") },
		func(w *world) error {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := w.Run(ctx, "myclu", "reports", script("sleep 3000"), time.Minute)
			return err
		},
		func(w *world, a attempt) {
			all := len(w.all(t, "myclu"))
			running, listErr := w.ListTasks(t.Context(), "myclu", "reports", nil, "")
			if listErr != nil || all > 1 || a.err == nil && all != 1 || a.err != nil && len(running) != 0 {
				t.Errorf("call %d: %v; %d tasks were started, %v run, %v", a.n, a.err, all, running, listErr)
			}
		})
}

// TestARepeatedRunIsOneRun sends a run, whose responses AWS loses for good, again with its Idempotency-Key: the tasks of the first attempt are stopped, and new
// ones do the work, once.
func TestARepeatedRunIsOneRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	w.create(t, "myclu", "reports")
	ctx := resource.WithKey(t.Context(), resource.NewKey("me", "key", "body"))
	in := &RunInput{Count: aws.Int64(2)}
	for range 2 { // the second attempt derives a token of its own, and fails as well
		w.aws.Inject(localaws.Fault{Operation: "RunTask", Effect: localaws.Lose, Times: -1})
		if _, err := w.Run(ctx, "myclu", "reports", in, 0); !common.Is(err, common.Unavailable) {
			t.Fatalf("%v; want Unavailable", err)
		}
		w.aws.Heal()
		if running, err := w.ListTasks(t.Context(), "myclu", "reports", nil, ""); err != nil || len(running) != 0 {
			t.Errorf("%v run, %v", running, err)
		}
	}
	first, err := w.Run(ctx, "myclu", "reports", in, 0)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.Run(ctx, "myclu", "reports", in, 0)
	if err != nil {
		t.Fatal(err)
	}
	ids := func(out *RunOutput) (all []string) {
		for _, task := range out.Tasks {
			all = append(all, shortName("myclu", *task.TaskArn))
		}
		slices.Sort(all)
		return all
	}
	running, err := w.ListTasks(t.Context(), "myclu", "reports", nil, "")
	slices.Sort(running)
	if err != nil || len(running) != 2 || !slices.Equal(ids(first), running) || !slices.Equal(ids(again), running) {
		t.Errorf("%v run, %v; the requests returned %v and %v", running, err, ids(first), ids(again))
	}
}

// TestATaskThatStartsWhileItsDefinitionIsDeleted runs a task when a delete has looked for tasks for the last time before it deregisters the revision.
func TestATaskThatStartsWhileItsDefinitionIsDeleted(t *testing.T) {
	t.Parallel()
	for name, force := range map[string]bool{"forced": true, "not forced": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, localaws.New())
			w.create(t, "myclu", "reports")
			w.aws.Inject(localaws.Fault{Operation: "DeregisterTaskDefinition", Effect: localaws.Hook, Func: func() { w.run(t, "reports", "late", 1) }})
			_, op, err := w.Delete(t.Context(), "myclu", "reports", true, force, etag.Condition{})
			if err != nil {
				t.Fatal(err)
			}
			w.group.Wait()
			done, err := w.group.Operation(t.Context(), "local", op.ID)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(done.Steps, func(s saga.StepReport) bool { return s.Name == "read what belongs to the task definition" }) {
				t.Errorf("steps %+v", done.Steps)
			}
			if force {
				if diff := cmp.Diff([]string{"logs:log-group myclu"}, inventory(w.aws)); diff != "" || done.State != saga.Succeeded {
					t.Errorf("operation %+v; left (-want +got):\n%s", done, diff)
				}
				return
			}
			if done.State != saga.Failed || !strings.Contains(done.Error, "was started meanwhile") || len(w.all(t, "myclu")) != 1 {
				t.Errorf("operation %+v", done)
			}
			for _, needed := range []string{"ecs:cluster myclu", "iam:role myclu-ecsTaskExecution", "secretsmanager:secret spinup/localdev/myclu/reports-cred"} {
				if left := inventory(w.aws); !slices.Contains(left, needed) {
					t.Errorf("the task has no %s any more: %v", needed, left)
				}
			}
			if _, _, err := w.Delete(t.Context(), "myclu", "reports", true, false, etag.Condition{}); common.ResponseCode(err) != common.CodeInUse {
				t.Errorf("repeated while the task runs: %v", err)
			}
			w.deleted(t.Context(), t, "myclu", "reports", true, true)
			if diff := cmp.Diff([]string{"logs:log-group myclu"}, inventory(w.aws)); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
		})
	}
}
