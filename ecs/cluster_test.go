package ecs_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs"
	sdk "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
)

func TestAClusterHasItsTagsAndIsKnownAfterItsEnd(t *testing.T) {
	c, simulator := start(t)
	createCluster(t, c, "myclu")
	if diff := cmp.Diff(tags, ecs.ToTags(awstest.Must[*sdk.Cluster](t, "describe")(c.Cluster(t.Context(), "myclu")).Tags)); diff != "" {
		t.Error(diff)
	}
	simulator.Inject(localaws.Fault{Operation: "DeleteCluster", Effect: localaws.Lose})
	deleted := awstest.Must[*sdk.Cluster](t, "delete")(c.DeleteCluster(t.Context(), "myclu"))
	found := awstest.Must[*sdk.Cluster](t, "describe")(c.Cluster(t.Context(), "myclu"))
	if diff := cmp.Diff([]string{"INACTIVE", "INACTIVE"}, []string{aws.StringValue(deleted.Status), aws.StringValue(found.Status)}); diff != "" {
		t.Error(diff)
	}
}

func TestAllPagesOfClustersAreRead(t *testing.T) {
	c, simulator := start(t)
	names := []string{"none"}
	for n := range 101 {
		names = append(names, fmt.Sprintf("c%d", n))
		createCluster(t, c, names[n+1])
	}
	simulator.ResetCalls()
	if arns := awstest.Must[[]string](t, "list")(c.ListClusters(t.Context())); len(arns) != 101 {
		t.Errorf("%d clusters", len(arns))
	}
	out := awstest.Must[*sdk.DescribeClustersOutput](t, "describe")(c.DescribeClusters(t.Context(), names...))
	if len(out.Clusters) != 101 || aws.StringValue(out.Clusters[0].ClusterName) != "c0" || len(out.Failures) != 1 || aws.StringValue(out.Failures[0].Reason) != "MISSING" {
		t.Errorf("%d clusters, failures %v", len(out.Clusters), out.Failures)
	}
	if diff := cmp.Diff(map[string]int{"ListClusters": 2, "DescribeClusters": 2}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
}
