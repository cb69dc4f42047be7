package ecs_test

import (
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/ecs"
	sdk "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
)

func TestServiceDeploymentsAreListedNewestFirstAndDescribedTwentyAtATime(t *testing.T) {
	c, simulator := start(t)
	createCluster(t, c, "myclu")
	register(t, c, "www")
	createService(t, c, "myclu", "www")
	const redeployed = 24
	for range redeployed {
		awstest.Must[*sdk.Service](t, "update")(c.UpdateService(t.Context(), &sdk.UpdateServiceInput{
			Cluster: aws.String("myclu"), Service: aws.String("www"), ForceNewDeployment: aws.Bool(true),
		}))
	}
	all := awstest.Must[[]*sdk.ServiceDeploymentBrief](t, "list")(c.ServiceDeployments(t.Context(), "myclu", "www", 0))
	if len(all) != redeployed+1 {
		t.Fatalf("%d service deployments", len(all))
	}
	var arns, revisions []string
	for i, d := range all {
		if i > 0 && d.CreatedAt.After(*all[i-1].CreatedAt) {
			t.Errorf("the service deployment at %d is newer than the one before", i)
		}
		arns, revisions = append(arns, *d.ServiceDeploymentArn), append(revisions, *d.TargetServiceRevisionArn)
	}
	if two := awstest.Must[[]*sdk.ServiceDeploymentBrief](t, "list")(c.ServiceDeployments(t.Context(), "myclu", "www", 2)); len(two) != 2 || *two[0].ServiceDeploymentArn != arns[0] {
		t.Errorf("the newest two are %v", two)
	}
	simulator.ResetCalls()
	var described, revised []string
	for _, d := range awstest.Must[[]*sdk.ServiceDeployment](t, "describe")(c.DescribeServiceDeployments(t.Context(), append(arns, arns[0]+"x"))) {
		described = append(described, *d.ServiceDeploymentArn)
	}
	for _, r := range awstest.Must[[]*sdk.ServiceRevision](t, "describe")(c.ServiceRevisions(t.Context(), revisions)) {
		revised = append(revised, *r.ServiceRevisionArn)
		if aws.StringValue(r.TaskDefinition) == "" || aws.StringValue(r.ContainerImages[0].Image) != "nginx" {
			t.Errorf("got %v", r)
		}
	}
	if diff := cmp.Diff([][]string{arns, revisions}, [][]string{described, revised}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"DescribeServiceDeployments": 2, "DescribeServiceRevisions": 2}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
}

func TestAFailedListOfServiceDeploymentsIsNotRetried(t *testing.T) {
	c, simulator := start(t)
	simulator.Inject(localaws.Fault{Operation: "ListServiceDeployments", Effect: localaws.Down})
	simulator.ResetCalls()
	if _, err := c.ServiceDeployments(t.Context(), "myclu", "www", 1); !common.Is(err, common.Unavailable) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(map[string]int{"ListServiceDeployments": 1}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
}

func TestListTasksStopsWhenThereAreEnough(t *testing.T) {
	c, simulator := start(t)
	createCluster(t, c, "myclu")
	register(t, c, "www")
	in := service("myclu", "www")
	in.DesiredCount = aws.Int64(150)
	awstest.Must[*sdk.Service](t, "create")(c.CreateService(t.Context(), in))
	simulator.ResetCalls()
	if arns := awstest.Must[[]string](t, "list")(c.ListTasks(t.Context(), ecs.TaskFilter{Cluster: "myclu", Service: "www", Most: 100})); len(arns) != 100 {
		t.Errorf("%d tasks", len(arns))
	}
	if diff := cmp.Diff(map[string]int{"ListTasks": 1}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
}
