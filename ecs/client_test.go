package ecs_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/request"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/ecs"
	sdk "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
)

var tags = common.Tags{{Key: "spinup:org", Value: "localdev"}}

// start returns a client of a simulated AWS.
func start(t *testing.T, opts ...localaws.Option) (*ecs.Client, *localaws.AWS) {
	t.Helper()
	sess, simulator := awstest.Session(t, opts...)
	return ecs.New(sess), simulator
}

// wantCalls fails the test unless the operation was called so often.
func wantCalls(t *testing.T, simulator *localaws.AWS, operation string, want int) {
	t.Helper()
	if n := awstest.Calls(simulator)[operation]; n != want {
		t.Errorf("%d calls of %s, want %d", n, operation, want)
	}
}

func createCluster(t *testing.T, c *ecs.Client, name string) {
	t.Helper()
	awstest.Must[*sdk.Cluster](t, "create cluster")(c.CreateCluster(t.Context(), &sdk.CreateClusterInput{
		ClusterName: aws.String(name), Tags: ecs.FromTags(tags), CapacityProviders: aws.StringSlice([]string{"FARGATE", "FARGATE_SPOT"}),
	}))
}

// register makes a revision and returns its ARN.
func register(t *testing.T, c *ecs.Client, family string) string {
	t.Helper()
	out := awstest.Must[*sdk.RegisterTaskDefinitionOutput](t, "register")(c.RegisterTaskDefinition(t.Context(), taskDefinition(family)))
	return aws.StringValue(out.TaskDefinition.TaskDefinitionArn)
}

func taskDefinition(family string) *sdk.RegisterTaskDefinitionInput {
	return &sdk.RegisterTaskDefinitionInput{
		Family: aws.String(family), Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String(sdk.NetworkModeAwsvpc),
		RequiresCompatibilities: aws.StringSlice([]string{sdk.CompatibilityFargate}), Tags: ecs.FromTags(tags),
		ContainerDefinitions: []*sdk.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("nginx")}},
	}
}

func network() *sdk.NetworkConfiguration {
	return &sdk.NetworkConfiguration{AwsvpcConfiguration: &sdk.AwsVpcConfiguration{
		Subnets: aws.StringSlice([]string{localaws.SubnetA}), SecurityGroups: aws.StringSlice([]string{localaws.SecurityGroup}),
	}}
}

func service(cluster, name string) *sdk.CreateServiceInput {
	return &sdk.CreateServiceInput{
		Cluster: aws.String(cluster), ServiceName: aws.String(name), TaskDefinition: aws.String("www"), DesiredCount: aws.Int64(1),
		LaunchType: aws.String(sdk.LaunchTypeFargate), NetworkConfiguration: network(), Tags: ecs.FromTags(tags),
	}
}

// createService makes a service and returns its ARN.
func createService(t *testing.T, c *ecs.Client, cluster, name string) string {
	t.Helper()
	return aws.StringValue(awstest.Must[*sdk.Service](t, "create service")(c.CreateService(t.Context(), service(cluster, name))).ServiceArn)
}

func TestTags(t *testing.T) {
	c, simulator := start(t)
	arn := register(t, c, "www")
	simulator.ResetCalls()
	for _, err := range []error{
		c.Tag(t.Context(), arn, common.Tags{{Key: "k", Value: "v"}}),
		c.Untag(t.Context(), arn, []string{"spinup:org", "none"}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(map[string]int{"TagResource": 1, "UntagResource": 1}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
	found := awstest.Must[*sdk.DescribeTaskDefinitionOutput](t, "describe")(c.TaskDefinition(t.Context(), arn))
	if diff := cmp.Diff(common.Tags{{Key: "k", Value: "v"}}, ecs.ToTags(found.Tags)); diff != "" {
		t.Error(diff)
	}
}

func TestNothingToDoMakesNoCall(t *testing.T) {
	c, simulator := start(t)
	for _, err := range []error{
		c.Tag(t.Context(), "arn", nil),
		c.Untag(t.Context(), "arn", nil),
		c.DeleteTaskDefinitions(t.Context(), nil),
		second(c.DescribeClusters(t.Context())),
		second(c.Services(t.Context(), "myclu", nil)),
		second(c.DescribeTasks(t.Context(), "myclu", nil)),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if n := len(simulator.Calls()); n > 0 {
		t.Errorf("%d calls", n)
	}
}

func TestErrors(t *testing.T) {
	c, _ := start(t)
	ctx := t.Context()
	createCluster(t, c, "myclu")
	active := register(t, c, "www")
	createService(t, c, "myclu", "www")
	changed := service("myclu", "www")
	changed.DesiredCount = aws.Int64(3)
	for _, test := range []struct {
		name string
		err  error
		kind common.Kind
		text string
	}{
		{"no such cluster", second(c.Cluster(ctx, "none")), common.NotFound, `no cluster "none"`},
		{"no cluster to delete", second(c.DeleteCluster(ctx, "none")), common.NotFound, `delete cluster "none": `},
		{"the cluster is in use", second(c.DeleteCluster(ctx, "myclu")), common.Conflict, `delete cluster "myclu": `},
		{"no such service", second(c.Service(ctx, "myclu", "none")), common.NotFound, `no service "none" in cluster "myclu"`},
		{"no cluster of the service", second(c.Service(ctx, "none", "www")), common.NotFound, `describe service "www" in cluster "none": `},
		{"no cluster of the services", second(c.ListServices(ctx, "none")), common.NotFound, `list the services of cluster "none": `},
		{"no service to update", second(c.UpdateService(ctx, &sdk.UpdateServiceInput{Cluster: aws.String("myclu"), Service: aws.String("none")})), common.NotFound, `update service "none": `},
		{"no service to delete", second(c.DeleteService(ctx, "myclu", "none")), common.NotFound, `delete service "none" in cluster "myclu": `},
		{"the service is there", second(c.CreateService(ctx, changed)), common.Conflict, `create service "www": `},
		{"no such family", second(c.TaskDefinition(ctx, "none")), common.NotFound, `describe task definition "none": `},
		{"no revision to deregister", second(c.DeregisterTaskDefinition(ctx, "none:1")), common.NotFound, `deregister task definition "none:1": `},
		{"an active revision", c.DeleteTaskDefinitions(ctx, []string{active}), common.Conflict, `delete 1 of 1 task definitions: ` + active + `: `},
		{"no cluster of the tasks", second(c.ListTasks(ctx, ecs.TaskFilter{Cluster: "none"})), common.NotFound, `list the tasks of cluster "none": `},
		{"no task to stop", second(c.StopTask(ctx, "myclu", strings.Repeat("0", 32), "")), common.NotFound, `stop task "` + strings.Repeat("0", 32) + `" in cluster "myclu": `},
		{"no input for a service", second(c.CreateService(ctx, nil)), common.BadRequest, `create service "": `},
		{"no input for an update", second(c.UpdateService(ctx, nil)), common.BadRequest, `update service "": `},
		{"no input for a task definition", second(c.RegisterTaskDefinition(ctx, nil)), common.BadRequest, `register task definition "": `},
		{"no input for a task", second(c.RunTask(ctx, nil)), common.BadRequest, `run task definition "": `},
	} {
		t.Run(test.name, func(t *testing.T) { checkError(t, test.err, test.kind, test.text) })
	}
}

func second[T any](_ T, err error) error { return err }

func checkError(t *testing.T, err error, kind common.Kind, text string) {
	t.Helper()
	if !common.Is(err, kind) || !strings.HasPrefix(err.Error(), text) {
		t.Errorf("got %v (%v), want %v: %s…", err, common.KindOf(err), kind, text)
	}
}

func TestAPanicInOneOfSeveralCallsIsAnError(t *testing.T) {
	sess, _ := awstest.Session(t)
	sess.Handlers.Build.PushFront(func(*request.Request) { panic("a bug") })
	if _, err := ecs.New(sess).DescribeClusters(t.Context(), "a", "b"); !common.Is(err, common.Internal) || !strings.Contains(err.Error(), "panic: a bug") {
		t.Errorf("got %v", err)
	}
}
