package localaws_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// The rows of ecs-failures.md (the number is theirs) that a service's events show, in AWS's words.
func TestServiceEventsAreInAWSsWords(t *testing.T) {
	t.Parallel()
	exits := func(w *ecsWorld, _ *ecs.CreateServiceInput) { w.registerCommand("exit 3") }
	for _, test := range []struct {
		row    int
		name   string
		opts   []localaws.Option
		change func(w *ecsWorld, in *ecs.CreateServiceInput)
		says   string // (task) and (deployment) stand for those with ids
		count  int    // how often it is said in five minutes
	}{
		{31, "health checks fail", nil, func(w *ecsWorld, _ *ecs.CreateServiceInput) {
			d := w.definition("web")
			d.ContainerDefinitions[0].HealthCheck = &ecs.HealthCheck{Command: aws.StringSlice([]string{"CMD-SHELL", "exit 1"})}
			must[*ecs.RegisterTaskDefinitionOutput](w.t)(w.RegisterTaskDefinition(d))
		}, "(service www) (task) failed container health checks.", 4},
		{35, "the role is gone", nil, func(w *ecsWorld, _ *ecs.CreateServiceInput) { w.dropRole("exec") },
			"(service www) failed to launch a task with (error ECS was unable to assume the role 'arn:aws:iam::123456789012:role/exec' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.).", 4},
		{40, "no capacity", []localaws.Option{localaws.FargateCapacity(1)}, func(w *ecsWorld, _ *ecs.CreateServiceInput) { w.run(w.one()) },
			"(service www) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.", 4},
		{47, "no room", nil, func(w *ecsWorld, in *ecs.CreateServiceInput) {
			in.DeploymentConfiguration = &ecs.DeploymentConfiguration{MaximumPercent: aws.Int64(150)}
			in.ServiceName = aws.String("www")
			w.create(in)
			w.describe("www")
			w.update(&ecs.UpdateServiceInput{ForceNewDeployment: aws.Bool(true)})
			in.ServiceName = aws.String("other")
		}, "(service www) was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.", 1},
		{50, "tasks that do not start", nil, exits, "(service www) is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.", 1},
		{51, "the circuit breaker trips", nil, func(w *ecsWorld, in *ecs.CreateServiceInput) {
			exits(w, in)
			in.DeploymentConfiguration = w.guarded("www", true).DeploymentConfiguration
		}, "(service www) (deployment) deployment failed: tasks failed to start.", 1},
		{0, "a container ends by itself: no event tells why", nil, exits, "(service www) has started 1 tasks: (task).", 4},
		{10, "no such image", nil, func(w *ecsWorld, _ *ecs.CreateServiceInput) { w.registerImage("nginx:not-found") },
			"(service www) was unable to place a task. Reason: CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref docker.io/library/nginx:not-found: docker.io/library/nginx:not-found: not found.", 4},
	} {
		t.Run(fmt.Sprint(test.row, " ", test.name), func(t *testing.T) {
			w := newECSWorld(t, test.opts...)
			in := w.input("www")
			test.change(w, in)
			w.create(in)
			for range 5 {
				w.describe("www")
				w.clock.Advance(time.Minute)
			}
			said := events(w.describe("www"))
			count := len(slices.DeleteFunc(slices.Clone(said), func(s string) bool { return s != test.says }))
			if count != test.count {
				t.Errorf("said %d times, want %d; events %q", count, test.count, said)
			}
		})
	}
}

// What ends a task without anything being wrong (rows 52 and 53).
func TestTasksEndInAWSsWords(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.create(w.input("www"))
	old := w.tasks(ecs.ListTasksInput{})[0]
	deployment := *w.describe("www").Deployments[0].Id
	w.update(&ecs.UpdateServiceInput{ForceNewDeployment: aws.Bool(true)})
	w.describe("www")
	if task := w.task(old); *task.StoppedReason != "Scaling activity initiated by (deployment "+deployment+")" || *task.StopCode != "ServiceSchedulerInitiated" {
		t.Errorf("replaced: %v", task)
	}
	id := w.run(w.one())[0]
	must[*ecs.StopTaskOutput](t)(w.StopTask(&ecs.StopTaskInput{Cluster: aws.String("clu"), Task: &id}))
	if task := w.task(id); *task.StoppedReason != "Task stopped by user" || *task.StopCode != "UserInitiated" {
		t.Errorf("stopped: %v", task)
	}
}
