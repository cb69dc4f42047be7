package localaws_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs/sdk/ecs"
)

// ecsFacts returns the lines of the snapshot that are about a kind of things.
func (w *ecsWorld) ecsFacts(kind string) []string {
	var out []string
	for line := range strings.Lines(w.aws.Snapshot()) {
		if strings.HasPrefix(line, "ecs:"+kind+" ") {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

func TestASnapshotTellsWhatLasts(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.create(w.input("www"))
	w.describe("www")
	want := []string{
		`ecs:cluster clu capacityProviders ["FARGATE","FARGATE_SPOT"]`,
		`ecs:cluster clu defaultCapacityProviderStrategy [{"base":0,"capacityProvider":"FARGATE","weight":1}]`,
		`ecs:cluster clu tag org=local`,
	}
	if diff := cmp.Diff(want, w.ecsFacts("cluster")); diff != "" {
		t.Error(diff)
	}
	before := w.aws.Snapshot()
	for _, fact := range []string{"desiredCount 1", `taskDefinition "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1"`, "tag org=local"} {
		if !strings.Contains(before, "ecs:service clu/www "+fact+"\n") {
			t.Errorf("the snapshot does not say %s:\n%s", fact, before)
		}
	}

	w.update(&ecs.UpdateServiceInput{ForceNewDeployment: aws.Bool(true)})
	w.deregister(w.register("web"))
	if diff := cmp.Diff(before, w.aws.Snapshot()); diff != "" {
		t.Errorf("a new deployment of the same is a difference: %s", diff)
	}

	arn := w.describe("www").ServiceArn
	for _, test := range []struct {
		name string
		do   func() error
		says string
	}{
		{"a tag", func() error {
			return failing(w.TagResource(&ecs.TagResourceInput{ResourceArn: arn, Tags: manyTags(1)}))
		}, "ecs:service clu/www tag key0=v"},
		{"a count", func() error {
			return failing(w.UpdateService(&ecs.UpdateServiceInput{Cluster: aws.String("clu"), Service: arn, DesiredCount: aws.Int64(3)}))
		}, "ecs:service clu/www desiredCount 3"},
		{"a revision", func() error { return failing(w.RegisterTaskDefinition(w.definition("other"))) }, `ecs:task-definition other:1 cpu "256"`},
	} {
		if err := test.do(); err != nil {
			t.Fatal(err)
		}
		if after := w.aws.Snapshot(); strings.Contains(before, test.says) || !strings.Contains(after, test.says+"\n") {
			t.Errorf("%s: the snapshot does not tell:\n%s", test.name, after)
		}
	}
}
