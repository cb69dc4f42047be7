package ecs_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs"
	sdk "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
)

func run(t *testing.T, c *ecs.Client, family string, count int64) []string {
	t.Helper()
	out := awstest.Must[*sdk.RunTaskOutput](t, "run")(c.RunTask(t.Context(), &sdk.RunTaskInput{
		Cluster: aws.String("myclu"), TaskDefinition: aws.String(family), Count: aws.Int64(count), LaunchType: aws.String(sdk.LaunchTypeFargate),
		NetworkConfiguration: network(), Tags: ecs.FromTags(tags),
	}))
	if len(out.Failures) > 0 {
		t.Fatalf("failures: %v", out.Failures)
	}
	var arns []string
	for _, task := range out.Tasks {
		arns = append(arns, aws.StringValue(task.TaskArn))
	}
	return arns
}

func TestTasksAreListedAndDescribedAHundredAtATime(t *testing.T) {
	c, simulator := start(t)
	createCluster(t, c, "myclu")
	register(t, c, "www")
	var want []string
	for range 11 {
		want = append(want, run(t, c, "www", 10)...)
	}
	simulator.ResetCalls()
	arns := awstest.Must[[]string](t, "list")(c.ListTasks(t.Context(), ecs.TaskFilter{Cluster: "myclu"}))
	out := awstest.Must[*sdk.DescribeTasksOutput](t, "describe")(c.DescribeTasks(t.Context(), "myclu", append(arns, "00000000000000000000000000000000")))
	var got []string
	for _, task := range out.Tasks {
		got = append(got, aws.StringValue(task.TaskArn))
		if !cmp.Equal(tags, ecs.ToTags(task.Tags)) {
			t.Errorf("%s has the tags %v", got[len(got)-1], task.Tags)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(out.Failures) != 1 || aws.StringValue(out.Failures[0].Reason) != "MISSING" {
		t.Errorf("failures: %v", out.Failures)
	}
	if diff := cmp.Diff(map[string]int{"ListTasks": 2, "DescribeTasks": 2}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
}

func TestTasksAreFiltered(t *testing.T) {
	c, simulator := start(t)
	createCluster(t, c, "myclu")
	register(t, c, "www")
	register(t, c, "job")
	createService(t, c, "myclu", "www")
	simulator.Inject(localaws.Fault{Operation: "RunTask", Effect: localaws.Lose}) // and yet no task runs twice
	job := run(t, c, "job", 1)
	stopped := run(t, c, "www", 1)
	if task := awstest.Must[*sdk.Task](t, "stop")(c.StopTask(t.Context(), "myclu", stopped[0], "because")); aws.StringValue(task.StoppedReason) != "because" {
		t.Errorf("got %v", task)
	}
	for _, test := range []struct {
		filter ecs.TaskFilter
		tasks  int
		all    []string // if they are known
	}{
		{ecs.TaskFilter{Cluster: "myclu"}, 2, nil},
		{ecs.TaskFilter{Cluster: "myclu", Service: "www"}, 1, nil},
		{ecs.TaskFilter{Cluster: "myclu", Family: "job"}, 1, job},
		{ecs.TaskFilter{Cluster: "myclu", Family: "job", Status: sdk.DesiredStatusStopped}, 0, nil},
		{ecs.TaskFilter{Cluster: "myclu", Status: sdk.DesiredStatusStopped}, 1, stopped},
	} {
		t.Run(fmt.Sprintf("%+v", test.filter), func(t *testing.T) {
			got := awstest.Must[[]string](t, "list")(c.ListTasks(t.Context(), test.filter))
			if len(got) != test.tasks || test.all != nil && !slices.Equal(got, test.all) {
				t.Errorf("got %q, want %d: %q", got, test.tasks, test.all)
			}
		})
	}
}
