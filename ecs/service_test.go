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

func TestServicesAreListedAHundredAndDescribedTenAtATime(t *testing.T) {
	c, simulator := start(t)
	createCluster(t, c, "myclu")
	createCluster(t, c, "notmyclu")
	register(t, c, "www")
	createService(t, c, "notmyclu", "www")
	var want []string
	for n := range 101 {
		want = append(want, createService(t, c, "myclu", fmt.Sprintf("s%03d", n)))
	}
	simulator.ResetCalls()
	arns := awstest.Must[[]string](t, "list")(c.ListServices(t.Context(), "myclu"))
	var got []string
	for _, s := range awstest.Must[[]*sdk.Service](t, "describe")(c.Services(t.Context(), "myclu", append(arns, "none"))) {
		got = append(got, aws.StringValue(s.ServiceArn))
		if !cmp.Equal(tags, ecs.ToTags(s.Tags)) {
			t.Errorf("%s has the tags %v", got[len(got)-1], s.Tags)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"ListServices": 2, "DescribeServices": 11}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
}

func TestAServiceIsKnownAfterItsEnd(t *testing.T) {
	c, simulator := start(t)
	createCluster(t, c, "myclu")
	register(t, c, "www")
	createService(t, c, "myclu", "www")
	updated := awstest.Must[*sdk.Service](t, "update")(c.UpdateService(t.Context(), &sdk.UpdateServiceInput{Cluster: aws.String("myclu"), Service: aws.String("www"), DesiredCount: aws.Int64(2)}))
	if aws.Int64Value(updated.DesiredCount) != 2 {
		t.Errorf("got %v", updated)
	}
	simulator.Inject(localaws.Fault{Operation: "DeleteService", Effect: localaws.Lose})
	awstest.Must[*sdk.Service](t, "delete")(c.DeleteService(t.Context(), "myclu", "www"))
	if got := awstest.Must[*sdk.Service](t, "describe")(c.Service(t.Context(), "myclu", "www")); aws.StringValue(got.Status) != "INACTIVE" {
		t.Errorf("got %v", got)
	}
}

func TestALostResponseCreatesNoSecondService(t *testing.T) {
	c, simulator := start(t)
	createCluster(t, c, "myclu")
	register(t, c, "www")
	simulator.Inject(localaws.Fault{Operation: "CreateService", Effect: localaws.Lose})
	simulator.ResetCalls()
	in := service("myclu", "www")
	awstest.Must[*sdk.Service](t, "create")(c.CreateService(t.Context(), in))
	if in.ClientToken != nil {
		t.Error("the caller's input was changed")
	}
	if diff := cmp.Diff(map[string]int{"CreateService": 2}, awstest.Calls(simulator)); diff != "" {
		t.Error(diff)
	}
}
