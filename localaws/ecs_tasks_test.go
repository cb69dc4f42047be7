package localaws_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/secretsmanager"
	"github.com/aws/aws-sdk-go/service/ssm"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// one returns a request for a task that ECS accepts.
func (w *ecsWorld) one() *ecs.RunTaskInput {
	return &ecs.RunTaskInput{Cluster: aws.String("clu"), TaskDefinition: aws.String("web"), NetworkConfiguration: network(), LaunchType: aws.String("FARGATE")}
}

// run runs tasks and returns their ids.
func (w *ecsWorld) run(in *ecs.RunTaskInput) []string {
	w.t.Helper()
	var ids []string
	for _, task := range must[*ecs.RunTaskOutput](w.t)(w.RunTask(in)).Tasks {
		ids = append(ids, lastOf(*task.TaskArn))
	}
	return ids
}

func TestTasksAreRefused(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	const invalid = "InvalidParameterException"
	run := func(change func(*ecs.RunTaskInput)) func() error {
		return func() error {
			in := w.one()
			change(in)
			return failing(w.RunTask(in))
		}
	}
	unknown := aws.String(strings.Repeat("0", 32))
	clu := aws.String("clu")
	testRefusals(t, []refusal{
		{"nothing wrong", run(func(*ecs.RunTaskInput) {}), ""},
		{"11 tasks", run(func(in *ecs.RunTaskInput) { in.Count = aws.Int64(11) }), invalid},
		{"no tasks", run(func(in *ecs.RunTaskInput) { in.Count = aws.Int64(0) }), invalid},
		{"an unknown cluster", run(func(in *ecs.RunTaskInput) { in.Cluster = aws.String("nope") }), "ClusterNotFoundException"},
		{"an unknown task definition", run(func(in *ecs.RunTaskInput) { in.TaskDefinition = aws.String("nope") }), "ClientException"},
		{"no network", run(func(in *ecs.RunTaskInput) { in.NetworkConfiguration = nil }), invalid},
		{"a cluster without instances", run(func(in *ecs.RunTaskInput) { in.LaunchType = aws.String("EC2") }), invalid},
		{"a launch type and a strategy", run(func(in *ecs.RunTaskInput) { in.CapacityProviderStrategy = strategy("FARGATE") }), invalid},
		{"tags from a service", run(func(in *ecs.RunTaskInput) { in.PropagateTags = aws.String("SERVICE") }), invalid},
		{"an override of no container", run(func(in *ecs.RunTaskInput) {
			in.Overrides = &ecs.TaskOverride{ContainerOverrides: []*ecs.ContainerOverride{{Name: aws.String("db")}}}
		}), invalid},
		{"a role that does not exist", run(func(in *ecs.RunTaskInput) {
			in.Overrides = &ecs.TaskOverride{TaskRoleArn: aws.String("arn:aws:iam::123456789012:role/nope")}
		}), "AccessDeniedException"},
		{"stopping an unknown task", func() error { return failing(w.StopTask(&ecs.StopTaskInput{Cluster: clu, Task: unknown})) }, invalid},
		{"stopping what is no task", func() error { return failing(w.StopTask(&ecs.StopTaskInput{Cluster: clu, Task: aws.String("x")})) }, invalid},
		{"describing a task of another cluster", func() error {
			return failing(w.DescribeTasks(&ecs.DescribeTasksInput{Cluster: clu, Tasks: []*string{aws.String("arn:aws:ecs:us-east-1:123456789012:task/other/" + *unknown)}}))
		}, invalid},
		{"describing 101 tasks", func() error {
			return failing(w.DescribeTasks(&ecs.DescribeTasksInput{Cluster: clu, Tasks: slices.Repeat([]*string{unknown}, 101)}))
		}, invalid},
		{"describing no tasks", func() error {
			return failing(w.DescribeTasks(&ecs.DescribeTasksInput{Cluster: clu, Tasks: []*string{}}))
		}, invalid},
		{"two filters beside startedBy", func() error {
			return failing(w.ListTasks(&ecs.ListTasksInput{Cluster: clu, StartedBy: aws.String("me"), Family: aws.String("web")}))
		}, invalid},
	})
	if failures := must[*ecs.DescribeTasksOutput](t)(w.DescribeTasks(&ecs.DescribeTasksInput{Cluster: clu, Tasks: []*string{unknown}})).Failures; len(failures) != 1 || *failures[0].Reason != "MISSING" {
		t.Errorf("describing an unknown task: %v", failures)
	}
}

func TestATaskRunsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t, localaws.WithLags(slowly))
	in := w.one()
	in.StartedBy, in.PropagateTags = aws.String("me"), aws.String("TASK_DEFINITION")
	id := w.run(in)[0]
	if task := w.task(id); *task.LastStatus != "PROVISIONING" || task.StartedAt != nil || *task.Group != "family:web" || len(task.Tags) != 1 {
		t.Errorf("at first: %v", task)
	}
	w.clock.Advance(slowly.Provision)
	if task := w.task(id); *task.LastStatus != "RUNNING" || task.StartedAt == nil || *task.Attachments[0].Details[0].Value != localaws.SubnetA {
		t.Errorf("provisioned: %v", task)
	}
	if diff := cmp.Diff([]string{"ecs:cluster clu", "ecs:task clu/" + id, "ecs:task-definition web:1"}, slices.DeleteFunc(w.aws.Inventory(), func(s string) bool { return !strings.HasPrefix(s, "ecs:") })); diff != "" {
		t.Errorf("inventory: %s", diff)
	}
	if got := w.tasks(ecs.ListTasksInput{StartedBy: aws.String("me")}); !cmp.Equal(got, []string{id}) {
		t.Errorf("started by me: %v", got)
	}
	if got := w.tasks(ecs.ListTasksInput{Family: aws.String("we")}); len(got) != 0 {
		t.Errorf("of another family: %v", got)
	}
	for _, reason := range []string{"enough", "again"} {
		must[*ecs.StopTaskOutput](t)(w.StopTask(&ecs.StopTaskInput{Cluster: aws.String("clu"), Task: &id, Reason: &reason}))
	}
	if got := w.tasks(ecs.ListTasksInput{}); len(got) != 0 {
		t.Errorf("a task that stops is listed as running: %v", got)
	}
	if task := w.task(id); *task.LastStatus != "DEACTIVATING" || *task.DesiredStatus != "STOPPED" {
		t.Errorf("stopping: %v", task)
	}
	w.clock.Advance(slowly.Drain)
	if task := w.task(id); *task.LastStatus != "STOPPED" || *task.StopCode != "UserInitiated" || *task.StoppedReason != "enough" || *task.Containers[0].ExitCode != 0 {
		t.Errorf("stopped: %v", task)
	}
	if got := w.tasks(ecs.ListTasksInput{DesiredStatus: aws.String("STOPPED")}); !cmp.Equal(got, []string{id}) {
		t.Errorf("stopped tasks: %v", got)
	}
}

func TestAServiceReplacesATaskThatIsStopped(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.create(w.input("www"))
	id := w.tasks(ecs.ListTasksInput{})[0]
	must[*ecs.StopTaskOutput](t)(w.StopTask(&ecs.StopTaskInput{Cluster: aws.String("clu"), Task: &id}))
	if got := w.tasks(ecs.ListTasksInput{}); len(got) != 1 || got[0] == id {
		t.Errorf("tasks %v after %s was stopped", got, id)
	}
}

func TestACommandSaysHowItsTaskEnds(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	in := w.one()
	in.Overrides = &ecs.TaskOverride{ContainerOverrides: []*ecs.ContainerOverride{{Name: aws.String("webserver"), Command: aws.StringSlice([]string{"sh", "-c", "echo hello; exit 42"})}}}
	task := w.task(w.run(in)[0])
	if *task.LastStatus != "STOPPED" || *task.StopCode != "EssentialContainerExited" || *task.Containers[0].ExitCode != 42 {
		t.Errorf("task: %v", task)
	}
}

func TestATokenRunsItsTasksOnce(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	in := w.one()
	in.ClientToken = aws.String("token")
	if first, second := w.run(in), w.run(in); !cmp.Equal(first, second) {
		t.Errorf("tasks %v, then %v", first, second)
	}
	in.Count = aws.Int64(2)
	if err := failing(w.RunTask(in)); codeOf(err) != "ConflictException" {
		t.Errorf("the token for two tasks: %v", err)
	}
}

func TestFargateCanBeFull(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t, localaws.FargateCapacity(3))
	in := w.one()
	in.Count = aws.Int64(4)
	out := must[*ecs.RunTaskOutput](t)(w.RunTask(in))
	if len(out.Tasks) != 3 || len(out.Failures) != 1 || !strings.Contains(*out.Failures[0].Reason, "Capacity is unavailable") {
		t.Errorf("four tasks where three fit: %v", out)
	}
	w.create(w.input("www"))
	if got := events(w.describe("www")); len(got) != 1 || !strings.Contains(got[0], "was unable to place a task. Reason: Capacity is unavailable") {
		t.Errorf("events %v", got)
	}
	must[*ecs.StopTaskOutput](t)(w.StopTask(&ecs.StopTaskInput{Cluster: aws.String("clu"), Task: out.Tasks[0].TaskArn}))
	w.clock.Advance(time.Minute)
	if svc := w.describe("www"); *svc.RunningCount != 1 {
		t.Errorf("with room again: %v", events(svc))
	}
}

func TestAnImageCanFindNoCapacity(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.registerImage("www:no-capacity")
	out := must[*ecs.RunTaskOutput](t)(w.RunTask(w.one()))
	if len(out.Tasks) != 0 || len(out.Failures) != 1 || !strings.Contains(*out.Failures[0].Reason, "Capacity is unavailable") {
		t.Errorf("a one-off task: %v", out)
	}
	w.create(w.guarded("www", true))
	if svc := w.describe("www"); len(svc.Events) != 1 || *svc.PendingCount != 0 || *svc.Deployments[0].RolloutState != "IN_PROGRESS" {
		t.Errorf("a service: %v", svc)
	}
}

func TestATaskNeedsItsSecrets(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	secrets, params := secretsmanager.New(newSession(t, w.aws)), ssm.New(newSession(t, w.aws))
	secret := must[*secretsmanager.CreateSecretOutput](t)(secrets.CreateSecret(&secretsmanager.CreateSecretInput{
		Name: aws.String("spinup/cred"), SecretString: aws.String(`{"username":"u","password":"p"}`),
	}))
	must[*ssm.PutParameterOutput](t)(params.PutParameter(&ssm.PutParameterInput{Name: aws.String("/org/a"), Value: aws.String("1"), Type: aws.String("String")}))
	for _, test := range []struct {
		name   string
		change func(*ecs.ContainerDefinition)
		says   string
	}{
		{"a secret's ARN as credentials", func(c *ecs.ContainerDefinition) {
			c.RepositoryCredentials = &ecs.RepositoryCredentials{CredentialsParameter: secret.ARN}
		}, ""},
		{"a secret's name as credentials", func(c *ecs.ContainerDefinition) {
			c.RepositoryCredentials = &ecs.RepositoryCredentials{CredentialsParameter: aws.String("spinup/cred")}
		}, ""},
		{"a key of a secret", func(c *ecs.ContainerDefinition) {
			c.Secrets = []*ecs.Secret{{Name: aws.String("A"), ValueFrom: aws.String(*secret.ARN + ":username::")}}
		}, ""},
		{"a parameter", func(c *ecs.ContainerDefinition) {
			c.Secrets = []*ecs.Secret{{Name: aws.String("A"), ValueFrom: aws.String("/org/a")}}
		}, ""},
		{"a parameter's ARN", func(c *ecs.ContainerDefinition) {
			c.Secrets = []*ecs.Secret{{Name: aws.String("A"), ValueFrom: aws.String("arn:aws:ssm:us-east-1:123456789012:parameter/org/a")}}
		}, ""},
		{"a parameter that is not there", func(c *ecs.ContainerDefinition) {
			c.Secrets = []*ecs.Secret{{Name: aws.String("A"), ValueFrom: aws.String("/org/b")}}
		}, "invalid ssm parameters: /org/b"},
		{"a secret that is not there", func(c *ecs.ContainerDefinition) {
			c.RepositoryCredentials = &ecs.RepositoryCredentials{CredentialsParameter: aws.String("arn:aws:secretsmanager:us-east-1:123456789012:secret:nope-abcdef")}
		}, "Secrets Manager can't find the specified secret."},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := w.definition("needs")
			test.change(d.ContainerDefinitions[0])
			must[*ecs.RegisterTaskDefinitionOutput](t)(w.RegisterTaskDefinition(d))
			in := w.one()
			in.TaskDefinition = aws.String("needs")
			task := w.task(w.run(in)[0])
			if test.says == "" && *task.LastStatus != "RUNNING" || !strings.Contains(aws.StringValue(task.StoppedReason), test.says) {
				t.Errorf("task is %s: %s", *task.LastStatus, aws.StringValue(task.StoppedReason))
			}
		})
	}
}

func TestTasksAreListedInPages(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	in := w.input("www")
	in.DesiredCount = aws.Int64(25)
	w.create(in)
	for _, filter := range []ecs.ListTasksInput{{}, {ServiceName: aws.String("www")}} {
		filter.Cluster, filter.MaxResults = aws.String("clu"), aws.Int64(10)
		seen, pages := map[string]bool{}, []int{}
		err := w.ListTasksPages(&filter, func(page *ecs.ListTasksOutput, _ bool) bool {
			for _, arn := range aws.StringValueSlice(page.TaskArns) {
				seen[arn] = true
			}
			pages = append(pages, len(page.TaskArns))
			return true
		})
		if err != nil || len(seen) != 25 || !slices.Equal(pages, []int{10, 10, 5}) {
			t.Errorf("%d tasks in pages of %v, %v", len(seen), pages, err)
		}
	}
}
