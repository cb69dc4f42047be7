package oneoff

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/spec"
	"ecs-api/racetest"
)

func TestATaskRunsWhatTheServiceRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := command("echo hello; sleep 30; echo $NAME; exit 7")
	in.Environment = map[string]*string{"NAME": aws.String("value")}
	out, err := w.Run(t.Context(), "clu", "www", in, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if aws.StringValue(out.State) != "STOPPED" || aws.Int64Value(out.ExitCode) != 7 || out.Container != "web" || out.TimedOut || out.LogsProblem != nil {
		t.Errorf("%+v", out)
	}
	if got := fmt.Sprint(len(out.Logs), " ", out.Logs[0].Message, " ", out.Logs[1].Message); got != "2 hello value" {
		t.Errorf("logs %v", out.Logs)
	}
	if !strings.HasSuffix(aws.StringValue(out.TaskDefinition), "/web:1") {
		t.Errorf("ran %s, not what the service runs", aws.StringValue(out.TaskDefinition))
	}
	all, _ := w.tasks()
	if len(all) != 1 {
		t.Fatalf("%d tasks", len(all))
	}
	tags := ecs.ToTags(all[0].Tags)
	stopAt, _ := tags.Get(TagStopAt)
	if team, _ := tags.Get("team"); team != "blue" || !tags.TaggedFor("localdev") || stopAt != "2026-11-26T10:00:00Z" {
		t.Errorf("tags %v", tags)
	}
	if !strings.HasPrefix(aws.StringValue(all[0].StartedBy), "run/") || *all[0].Attachments[0].Details[0].Value != localaws.SubnetB {
		t.Errorf("task %v", all[0])
	}
}

func TestATaskIsStoppedAtItsTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := command("echo hello; sleep 3000")
	in.Timeout = aws.Int64(90)
	began := w.clock.Now()
	out, err := w.Run(t.Context(), "clu", "www", in, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if aws.StringValue(out.State) != "STOPPED" || !out.TimedOut || !strings.Contains(aws.StringValue(out.Reason), "timeout") {
		t.Errorf("%+v", out)
	}
	if took := w.clock.Now().Sub(began); took < 90*time.Second || took > 100*time.Second {
		t.Errorf("stopped after %v", took)
	}
	w.group.Wait()
	if all := w.group.Operations(t.Context(), "local"); len(all) != 1 || all[0].Kind != KindRun || all[0].State != "succeeded" {
		t.Errorf("operations %+v", all)
	}
}

func TestAnotherServerStopsTheTasksOfOneThatHasEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := operations.NewGroup(operations.Options{})
	r := w.runner(first)
	blocked := make(chan struct{})
	r.wait = func(ctx context.Context, _ time.Duration) error {
		select {
		case <-blocked:
		default:
			close(blocked)
		}
		<-ctx.Done()
		return ctx.Err()
	}
	in := command("sleep 3000")
	in.Timeout = aws.Int64(60)
	if _, err := r.Run(t.Context(), "clu", "www", in, 0); err != nil {
		t.Fatal(err)
	}
	<-blocked
	first.Shutdown(t.Context())
	if all := first.Operations(t.Context(), "local"); len(all) != 1 || all[0].State != "failed" || !strings.Contains(all[0].Error, "shut down") {
		t.Errorf("operations %+v", all)
	}
	if _, running := w.tasks(); running != 1 {
		t.Fatalf("%d tasks run", running)
	}
	if err := w.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.group.Wait()
	all, running := w.tasks()
	if running != 0 || len(all) != 1 || !strings.Contains(aws.StringValue(all[0].StoppedReason), "timeout") {
		t.Errorf("%d run of %v", running, all)
	}
	if err := w.Resume(t.Context()); err != nil || len(w.group.Operations(t.Context(), "local")) != 1 {
		t.Errorf("%v; a task that has stopped is watched again", err)
	}
}

func TestWhatCannotRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	quantity := func(s string) *spec.Quantity { return new(spec.Quantity(s)) }
	for name, test := range map[string]struct {
		change func(*Input)
		field  string
	}{
		"no command":                {func(in *Input) { in.Command = nil }, "Command"},
		"too long a command":        {func(in *Input) { in.Command = aws.StringSlice([]string{strings.Repeat("x", 8192)}) }, "Command"},
		"another container":         {func(in *Input) { in.Container = aws.String("db") }, "Container"},
		"no name of a container":    {func(in *Input) { in.Container = aws.String("a/b") }, "Container"},
		"a variable without a name": {func(in *Input) { in.Environment = map[string]*string{"": aws.String("x")} }, "Environment"},
		"no time":                   {func(in *Input) { in.Timeout = aws.Int64(0) }, "Timeout"},
		"too much time":             {func(in *Input) { in.Timeout = aws.Int64(MaxTimeout + 1) }, "Timeout"},
		"a size that is none":       {func(in *Input) { in.Cpu, in.Memory = quantity("256"), quantity("700") }, "Cpu"},
		"no number":                 {func(in *Input) { in.Memory = quantity("much") }, "Memory"},
	} {
		in := command("true")
		test.change(in)
		_, err := w.Run(t.Context(), "clu", "www", in, 0)
		if fields := common.Fields(err); !common.Is(err, common.BadRequest) || len(fields) != 1 || fields[0].Field != test.field {
			t.Errorf("%s: %v %v", name, err, fields)
		}
	}
	if all, _ := w.tasks(); len(all) != 0 {
		t.Errorf("%d tasks", len(all))
	}
}

// TestATaskRunsForAServiceThatIsOff runs one as a migration does, before the service is scaled up.
func TestATaskRunsForAServiceThatIsOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.account.ECS.UpdateService(t.Context(), &awsecs.UpdateServiceInput{Cluster: aws.String("clu"), Service: aws.String("www"), DesiredCount: aws.Int64(0)})
	w.must(err)
	_, err = w.Run(t.Context(), "clu", "www", command("true"), 0)
	w.must(err)
	if all, _ := w.tasks(); len(all) != 1 {
		t.Errorf("%d tasks, want the one that was run", len(all))
	}
}

func TestAContainerGrowsWithItsTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := command("true")
	in.Memory = new(spec.Quantity("2048"))
	plan, err := w.plan(t.Context(), "clu", "www", in)
	if err != nil {
		t.Fatal(err)
	}
	o := plan.input.Overrides
	if aws.StringValue(o.Memory) != "2048" || o.Cpu != nil || aws.Int64Value(o.ContainerOverrides[0].Memory) != 1924 || o.ContainerOverrides[0].Cpu != nil {
		t.Errorf("%v", o)
	}
}

// TestOneRequestStartsOneTaskOrNone breaks each AWS call of a run in turn, in each way.
func TestOneRequestStartsOneTaskOrNone(t *testing.T) {
	t.Parallel()
	if racetest.Plainly(t) {
		return
	}
	faults := awstest.Faults()
	faults["lost for good"] = localaws.Fault{Effect: localaws.Lose, Times: -1}
	awstest.BreakEach(t, awstest.Breaks{Faults: faults, Least: 3, Most: 7}, func(t *testing.T, a *awstest.Attempt) error { // the watch calls until the timeout
		w := newWorld(t)
		a.Begin(w.aws)
		_, err := w.runner(w.group).Run(t.Context(), "clu", "www", command("sleep 3000"), 0) // one that has not read the task definition
		a.End()
		if all, _ := w.tasks(); err == nil && len(all) != 1 {
			t.Errorf("call %d: %d tasks", a.N, len(all))
		}
		w.group.Wait() // until its timeout, or what AWS did not let us roll back at once
		all, running := w.tasks()
		switch {
		case err != nil && (running != 0 || len(all) > 1):
			t.Errorf("call %d: %v, and %d of %d tasks run", a.N, err, running, len(all))
		case err == nil && (running != 0 || len(all) != 1):
			t.Errorf("call %d: %d of %d tasks run after the timeout", a.N, running, len(all))
		}
		return err
	})
}
