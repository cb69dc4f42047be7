package localaws_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go/service/iam"
	"github.com/aws/aws-sdk-go/service/ssm"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs/sdk/ecs"
)

// commanded returns a request for a task whose container runs a command.
func (w *ecsWorld) commanded(command ...string) *ecs.RunTaskInput {
	in := w.one()
	in.Overrides = &ecs.TaskOverride{ContainerOverrides: []*ecs.ContainerOverride{{
		Name: aws.String("webserver"), Command: aws.StringSlice(command),
		Environment: []*ecs.KeyValuePair{{Name: aws.String("GREETING"), Value: aws.String("good morning")}},
	}}}
	return in
}

func TestOneOffTasksRunCommands(t *testing.T) {
	t.Parallel()
	image := []string{"starting webserver from nginx:alpine", "listening on 0.0.0.0:80/tcp", "webserver is ready"}
	const forever = -1
	for _, test := range []struct {
		command []string
		log     []string
		code    int64 // forever if it runs until it is stopped
		takes   time.Duration
	}{
		{[]string{"echo", "hello"}, []string{"hello"}, 0, 0},
		{[]string{"echo", "a;  b"}, []string{"a;  b"}, 0, 0},
		{[]string{"echo hello"}, []string{"hello"}, 0, 0},
		{[]string{"sh", "-c", "echo hello"}, []string{"hello"}, 0, 0},
		{[]string{"/bin/bash", "-lc", `echo 'one; two' "three" fo\ ur`}, []string{"one; two three fo ur"}, 0, 0},
		{[]string{"sh", "-c", "echo one && echo two; exit 42"}, []string{"one", "two"}, 42, 0},
		{[]string{"sh", "-c", "false && echo never; echo always"}, []string{"always"}, 0, 0},
		{[]string{"sh", "-c", "false || echo instead"}, []string{"instead"}, 0, 0},
		{[]string{"sh", "-c", "true || echo never"}, nil, 0, 0},
		{[]string{"sh", "-c", "echo before\nfalse"}, []string{"before"}, 1, 0},
		{[]string{"sh", "-c", "echo broken >&2; exit"}, []string{"broken"}, 0, 0},
		{[]string{"sh", "-c", `echo "$GREETING, ${GREETING}" '$GREETING' $NONE.`}, []string{"good morning, good morning $GREETING ."}, 0, 0},
		{[]string{"sh", "-c", "echo started; sleep 30 && echo done"}, []string{"started", "done"}, 0, 30 * time.Second},
		{[]string{"sh", "-c", "sleep 1m; sleep 0.2; exit 256"}, nil, 0, 61 * time.Second},
		{[]string{"sleep", "5"}, nil, 0, 5 * time.Second},
		{[]string{"sh", "-c", "exit what"}, nil, 2, 0},
		{[]string{"exit", "7"}, nil, 7, 0},
		{[]string{"sh", "-c", "./migrate --all | tee log; exit 3"}, nil, 3, 0},
		{[]string{"sh", "-c", "echo waiting; sleep infinity"}, []string{"waiting"}, forever, 0},
		{[]string{"nginx", "-g", "daemon off;"}, image, forever, 0},
		{[]string{"sh", "-c", "echo hello | cat"}, image, forever, 0},
		{[]string{"sh", "-c", "echo hello > file"}, image, forever, 0},
		{[]string{"sh", "-c", ""}, image, forever, 0},
	} {
		t.Run(test.command[len(test.command)-1], func(t *testing.T) {
			w := newECSWorld(t)
			id := w.run(w.commanded(test.command...))[0]
			w.task(id)
			if test.takes > 0 {
				w.clock.Advance(test.takes - time.Second)
				if task := w.task(id); *task.LastStatus != "RUNNING" {
					t.Errorf("a second before its end: %v", task)
				}
				w.clock.Advance(time.Second)
			}
			task := w.task(id)
			if diff := cmp.Diff(test.log, w.log("webserver", id)); diff != "" {
				t.Errorf("log: %s", diff)
			}
			switch code := task.Containers[0].ExitCode; {
			case test.code == forever && (*task.LastStatus != "RUNNING" || code != nil):
				t.Errorf("it does not run: %v", task)
			case test.code != forever && (*task.LastStatus != "STOPPED" || *task.StopCode != "EssentialContainerExited" || *code != test.code):
				t.Errorf("it did not end with %d: %v", test.code, task)
			}
		})
	}
}

func TestLinesAreWrittenAtTheirTimes(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	start := w.clock.Now()
	id := w.run(w.commanded("sh", "-c", "echo one; sleep 10; echo two; sleep 10; echo three"))[0]
	w.task(id)
	w.clock.Advance(15 * time.Second)
	if got := w.log("webserver", id); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("after 15 seconds: %v", got)
	}
	w.clock.Advance(time.Hour)
	out := must[*cloudwatchlogs.GetLogEventsOutput](t)(w.logs.GetLogEvents(&cloudwatchlogs.GetLogEventsInput{
		LogGroupName: aws.String("clu"), LogStreamName: aws.String("www/webserver/" + id), StartFromHead: aws.Bool(true),
	}))
	var got []time.Duration
	for _, e := range out.Events {
		got = append(got, time.UnixMilli(*e.Timestamp).Sub(start))
	}
	if diff := cmp.Diff([]time.Duration{0, 10 * time.Second, 20 * time.Second}, got); diff != "" {
		t.Error(diff)
	}
}

func TestATaskThatIsStoppedWritesNoMore(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	id := w.run(w.commanded("sh", "-c", "echo one; sleep 10; echo two"))[0]
	must[*ecs.StopTaskOutput](t)(w.StopTask(&ecs.StopTaskInput{Cluster: aws.String("clu"), Task: &id}))
	w.clock.Advance(time.Minute)
	if task := w.task(id); *task.StopCode != "UserInitiated" || *task.Containers[0].ExitCode != 137 {
		t.Errorf("a shell that sleeps has to be killed: %v", task)
	}
	if got := w.log("webserver", id); !slices.Equal(got, []string{"one"}) {
		t.Errorf("log %v", got)
	}
}

func TestTheEndOfAnEssentialContainerEndsItsTask(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	d := w.definition("pair")
	sidecar := *d.ContainerDefinitions[0]
	sidecar.Name, sidecar.PortMappings, sidecar.Essential = aws.String("sidecar"), nil, aws.Bool(false)
	sidecar.Command = aws.StringSlice([]string{"sh", "-c", "sleep 5; exit 9"})
	log := *d.ContainerDefinitions[0]
	log.Name, log.PortMappings = aws.String("log"), nil
	d.ContainerDefinitions[0].Command = aws.StringSlice([]string{"sh", "-c", "sleep 20; exit 4"})
	d.ContainerDefinitions = append(d.ContainerDefinitions, &sidecar, &log)
	must[*ecs.RegisterTaskDefinitionOutput](t)(w.RegisterTaskDefinition(d))
	in := w.one()
	in.TaskDefinition = aws.String("pair")
	id := w.run(in)[0]
	w.task(id)
	w.clock.Advance(5 * time.Second)
	if task := w.task(id); *task.LastStatus != "RUNNING" || *task.Containers[1].LastStatus != "STOPPED" || *task.Containers[1].ExitCode != 9 || task.Containers[0].ExitCode != nil {
		t.Errorf("a container that is not essential has ended: %v", task)
	}
	w.clock.Advance(15 * time.Second)
	task := w.task(id)
	var codes []int64
	for _, c := range task.Containers {
		codes = append(codes, *c.ExitCode)
	}
	if diff := cmp.Diff([]int64{4, 9, 143}, codes); diff != "" || *task.StopCode != "EssentialContainerExited" {
		t.Errorf("%s, %v", diff, task)
	}
	if c := task.Containers[0]; c.ImageDigest == nil || c.RuntimeId == nil || *c.LastStatus != "STOPPED" {
		t.Errorf("the container: %v", c)
	}
}

func TestARestartPolicyRestartsAContainer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		policy ecs.ContainerRestartPolicy
		runs   bool // after the first end of the program, which takes 90 s
	}{
		{"enabled", ecs.ContainerRestartPolicy{Enabled: aws.Bool(true), RestartAttemptPeriod: aws.Int64(60)}, true},
		{"disabled", ecs.ContainerRestartPolicy{Enabled: aws.Bool(false), RestartAttemptPeriod: aws.Int64(60)}, false},
		{"for other codes", ecs.ContainerRestartPolicy{Enabled: aws.Bool(true), RestartAttemptPeriod: aws.Int64(60), IgnoredExitCodes: aws.Int64Slice([]int64{0, 5})}, false},
		{"for longer runs", ecs.ContainerRestartPolicy{Enabled: aws.Bool(true)}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newECSWorld(t)
			d := w.definition("web")
			d.ContainerDefinitions[0].Command = aws.StringSlice([]string{"sh", "-c", "echo started; sleep 90; exit 5"})
			d.ContainerDefinitions[0].RestartPolicy = &test.policy
			must[*ecs.RegisterTaskDefinitionOutput](t)(w.RegisterTaskDefinition(d))
			id := w.run(w.one())[0]
			w.task(id)
			w.clock.Advance(100 * time.Second)
			lines := []string{"started"}
			if test.runs {
				lines = append(lines, "started")
			}
			if task := w.task(id); (*task.LastStatus == "RUNNING") != test.runs {
				t.Errorf("the task is %s", *task.LastStatus)
			}
			if diff := cmp.Diff(lines, w.log("webserver", id)); diff != "" {
				t.Errorf("log: %s", diff)
			}
		})
	}
}

// A service whose program ends after it has run restarts it for ever: the deployment has succeeded by then.
func TestACrashAfterTheStartIsNoFailedDeployment(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.registerCommand("sleep 20; exit 1")
	w.create(w.guarded("www", true))
	w.describe("www")
	w.clock.Advance(65 * time.Second)
	stopped := w.tasks(ecs.ListTasksInput{ServiceName: aws.String("www"), DesiredStatus: aws.String("STOPPED")})
	if svc := w.describe("www"); len(stopped) != 3 || *svc.RunningCount != 1 || *svc.Deployments[0].RolloutState != "COMPLETED" || *w.rollout().Status != "SUCCESSFUL" {
		t.Errorf("%d tasks ended: %v", len(stopped), svc)
	}
}

func TestLinesThatMayNotBeWrittenAreLost(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.denyTasks()
	w.allow("exec", "read", `{"Statement":{"Effect":"Allow","NotAction":"logs:PutLogEvents","NotResource":"arn:aws:s3:::*"}}`)
	id := w.run(w.commanded("echo", "hello"))[0]
	if task := w.task(id); *task.Containers[0].ExitCode != 0 {
		t.Errorf("the task: %v", task)
	}
	if got := w.log("webserver", id); len(got) != 0 {
		t.Errorf("log %v", got)
	}
	must[*iam.DeleteRolePolicyOutput](t)(w.iam.DeleteRolePolicy(&iam.DeleteRolePolicyInput{RoleName: aws.String("exec"), PolicyName: aws.String("read")}))
	w.allow("exec", "some", `{"Statement":[{"Effect":"Allow","Action":["Logs:Create*","logs:PutLogEvent?"],"Resource":["arn:aws:logs:*:*:log-group:clu:*"]}]}`)
	id = w.run(w.commanded("echo", "hello"))[0]
	w.task(id)
	if got := w.log("webserver", id); !slices.Equal(got, []string{"hello"}) {
		t.Errorf("log %v", got)
	}
}

// TestACommandSeesTheValuesOfItsSecrets: a container has its secrets in its environment, whole or a member of them, as they are when the task starts.
func TestACommandSeesTheValuesOfItsSecrets(t *testing.T) {
	t.Parallel()
	w := newSecretWorld(t)
	w.allow("exec", "reads", `{"Statement":{"Effect":"Allow","Action":["secretsmanager:GetSecretValue","ssm:GetParameters"],"Resource":"*"}}`)
	whole, login := w.secret("whole", "s3cret", ""), w.secret("login", `{"user":"me","port":5432}`, "")
	must[*ssm.PutParameterOutput](t)(w.params.PutParameter(&ssm.PutParameterInput{Name: aws.String("/app/key"), Value: aws.String("k"), Type: aws.String("String")}))
	d := w.definition("web")
	d.ContainerDefinitions[0].Command = aws.StringSlice([]string{"sh", "-c", "echo $WHOLE $USER $PORT $KEY; sleep infinity"})
	for name, from := range map[string]string{"WHOLE": whole, "USER": login + ":user::", "PORT": login + ":port::", "KEY": "/app/key"} {
		d.ContainerDefinitions[0].Secrets = append(d.ContainerDefinitions[0].Secrets, &ecs.Secret{Name: &name, ValueFrom: &from})
	}
	must[*ecs.RegisterTaskDefinitionOutput](t)(w.RegisterTaskDefinition(d))
	id := w.run(&ecs.RunTaskInput{Cluster: aws.String("clu"), TaskDefinition: aws.String("web"), NetworkConfiguration: w.one().NetworkConfiguration})[0]
	w.task(id)
	if got := w.log("webserver", id); !slices.Equal(got, []string{"s3cret me 5432 k"}) {
		t.Errorf("%q; %v", got, w.task(id))
	}
}
