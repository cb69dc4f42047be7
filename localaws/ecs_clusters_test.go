package localaws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/go-cmp/cmp"

	"ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// strategy returns a strategy of providers, all of weight 1.
func strategy(providers ...string) []*ecs.CapacityProviderStrategyItem {
	out := []*ecs.CapacityProviderStrategyItem{}
	for _, p := range providers {
		out = append(out, &ecs.CapacityProviderStrategyItem{CapacityProvider: aws.String(p), Weight: aws.Int64(1)})
	}
	return out
}

// manyTags returns n tags.
func manyTags(n int) []*ecs.Tag {
	var out []*ecs.Tag
	for i := range n {
		out = append(out, &ecs.Tag{Key: aws.String(fmt.Sprint("key", i)), Value: aws.String("v")})
	}
	return out
}

func TestClustersAreRefused(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.create(w.input("www"))
	create := func(change func(*ecs.CreateClusterInput)) func() error {
		return func() error {
			in := &ecs.CreateClusterInput{ClusterName: aws.String("other")}
			change(in)
			return failing(w.CreateCluster(in))
		}
	}
	put := func(cluster string, providers []string, items []*ecs.CapacityProviderStrategyItem) func() error {
		return func() error {
			return failing(w.PutClusterCapacityProviders(&ecs.PutClusterCapacityProvidersInput{
				Cluster: aws.String(cluster), CapacityProviders: aws.StringSlice(providers), DefaultCapacityProviderStrategy: items,
			}))
		}
	}
	testRefusals(t, []refusal{
		{"a name with a space", create(func(in *ecs.CreateClusterInput) { in.ClusterName = aws.String("a b") }), "InvalidParameterException"},
		{"an empty name", create(func(in *ecs.CreateClusterInput) { in.ClusterName = aws.String("") }), "InvalidParameterException"},
		{"a name of 256 letters", create(func(in *ecs.CreateClusterInput) { in.ClusterName = aws.String(strings.Repeat("a", 256)) }), "InvalidParameterException"},
		{"an unknown provider", create(func(in *ecs.CreateClusterInput) { in.CapacityProviders = aws.StringSlice([]string{"EC2"}) }), "InvalidParameterException"},
		{"a strategy of providers it does not have", create(func(in *ecs.CreateClusterInput) { in.DefaultCapacityProviderStrategy = strategy("FARGATE") }), "InvalidParameterException"},
		{"an unknown setting", create(func(in *ecs.CreateClusterInput) {
			in.Settings = []*ecs.ClusterSetting{{Name: aws.String("containerInsights"), Value: aws.String("maybe")}}
		}), "InvalidParameterException"},
		{"51 tags", create(func(in *ecs.CreateClusterInput) { in.Tags = manyTags(51) }), "InvalidParameterException"},
		{"a tag of AWS's own", create(func(in *ecs.CreateClusterInput) {
			in.Tags = []*ecs.Tag{{Key: aws.String("AWS:x"), Value: aws.String("")}}
		}), "InvalidParameterException"},
		{"the same cluster again", create(func(in *ecs.CreateClusterInput) { in.ClusterName = aws.String("clu") }), ""},
		{"the same cluster with other providers", create(func(in *ecs.CreateClusterInput) {
			in.ClusterName, in.CapacityProviders = aws.String("clu"), aws.StringSlice([]string{"FARGATE"})
		}), "InvalidParameterException"},
		{"deleting an unknown cluster", func() error {
			return failing(w.DeleteCluster(&ecs.DeleteClusterInput{Cluster: aws.String("nope")}))
		}, "ClusterNotFoundException"},
		{"deleting a cluster of another region", func() error {
			return failing(w.DeleteCluster(&ecs.DeleteClusterInput{Cluster: aws.String("arn:aws:ecs:eu-west-1:123456789012:cluster/clu")}))
		}, "ClusterNotFoundException"},
		{"deleting a cluster with a service", func() error {
			return failing(w.DeleteCluster(&ecs.DeleteClusterInput{Cluster: aws.String("clu")}))
		}, "ClusterContainsServicesException"},
		{"taking away a provider in use", put("clu", []string{"FARGATE_SPOT"}, strategy()), "ResourceInUseException"},
		{"adding to an unknown cluster", put("nope", []string{"FARGATE"}, strategy()), "ClusterNotFoundException"},
		{"a strategy of a provider that is removed", put("clu", []string{"FARGATE"}, strategy("FARGATE_SPOT")), "InvalidParameterException"},
		{"a provider twice in a strategy", put("clu", []string{"FARGATE"}, strategy("FARGATE", "FARGATE")), "InvalidParameterException"},
		{"a strategy without weight", put("clu", []string{"FARGATE", "FARGATE_SPOT"}, []*ecs.CapacityProviderStrategyItem{
			{CapacityProvider: aws.String("FARGATE")}, {CapacityProvider: aws.String("FARGATE_SPOT")},
		}), "InvalidParameterException"},
		{"a strategy with two bases", put("clu", []string{"FARGATE", "FARGATE_SPOT"}, []*ecs.CapacityProviderStrategyItem{
			{CapacityProvider: aws.String("FARGATE"), Base: aws.Int64(1), Weight: aws.Int64(1)}, {CapacityProvider: aws.String("FARGATE_SPOT"), Base: aws.Int64(1)},
		}), "InvalidParameterException"},
		{"providers and strategy that go together", put("clu", []string{"FARGATE", "FARGATE_SPOT"}, strategy("FARGATE", "FARGATE_SPOT")), ""},
		{"a page of no clusters", func() error {
			return failing(w.ListClusters(&ecs.ListClustersInput{MaxResults: aws.Int64(0)}))
		}, "InvalidParameterException"},
		{"a token made up", func() error {
			return failing(w.ListClusters(&ecs.ListClustersInput{NextToken: aws.String("x")}))
		}, "InvalidParameterException"},
	})
}

func TestADeletedClusterIsDescribedAndCanBeCreatedAgain(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	for range 2 {
		out := must[*ecs.DeleteClusterOutput](t)(w.DeleteCluster(&ecs.DeleteClusterInput{Cluster: aws.String("clu")}))
		if *out.Cluster.Status != "INACTIVE" {
			t.Errorf("deleted: %v", out.Cluster)
		}
	}
	if arns := must[*ecs.ListClustersOutput](t)(w.ListClusters(&ecs.ListClustersInput{})).ClusterArns; len(arns) != 0 {
		t.Errorf("listed: %v", aws.StringValueSlice(arns))
	}
	if err := failing(w.CreateService(w.input("www"))); codeOf(err) != "ClusterNotFoundException" {
		t.Errorf("a service in it: %v", err)
	}
	again := must[*ecs.CreateClusterOutput](t)(w.CreateCluster(&ecs.CreateClusterInput{ClusterName: aws.String("clu")})).Cluster
	if *again.Status != "ACTIVE" || len(again.CapacityProviders) != 0 || len(again.Tags) != 0 {
		t.Errorf("made again, it has something of the old one: %v", again)
	}
	must[*ecs.DeleteClusterOutput](t)(w.DeleteCluster(&ecs.DeleteClusterInput{Cluster: aws.String("clu")}))
	w.clock.Advance(time.Hour)
	out := must[*ecs.DescribeClustersOutput](t)(w.DescribeClusters(&ecs.DescribeClustersInput{Clusters: aws.StringSlice([]string{"clu"})}))
	if len(out.Clusters) != 0 || *out.Failures[0].Reason != "MISSING" || *out.Failures[0].Arn != "arn:aws:ecs:us-east-1:123456789012:cluster/clu" {
		t.Errorf("forgotten: %v", out)
	}
}

func TestClustersSayWhatTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	w.create(w.input("www"))
	describe := func(include ...string) *ecs.Cluster {
		t.Helper()
		return must[*ecs.DescribeClustersOutput](t)(w.DescribeClusters(&ecs.DescribeClustersInput{
			Clusters: aws.StringSlice([]string{"arn:aws:ecs:us-east-1:123456789012:cluster/clu"}), Include: aws.StringSlice(include),
		})).Clusters[0]
	}
	plain := describe()
	if len(plain.Tags) != 0 || *plain.ActiveServicesCount != 1 || *plain.RunningTasksCount != 1 || *plain.PendingTasksCount != 0 {
		t.Errorf("plain: %v", plain)
	}
	if tags := describe("TAGS").Tags; len(tags) != 1 || *tags[0].Key != "org" {
		t.Errorf("tags: %v", tags)
	}
	must[*ecs.UpdateClusterOutput](t)(w.UpdateCluster(&ecs.UpdateClusterInput{
		Cluster: aws.String("clu"), Settings: []*ecs.ClusterSetting{{Name: aws.String("containerInsights"), Value: aws.String("enabled")}},
	}))
	if settings := describe("SETTINGS").Settings; len(settings) != 1 || *settings[0].Value != "enabled" {
		t.Errorf("settings: %v", settings)
	}
}

func TestListsOfClustersHavePages(t *testing.T) {
	t.Parallel()
	w := newECSWorld(t)
	want := []string{"clu"}
	for i := range 7 {
		name := fmt.Sprintf("c%d", i)
		must[*ecs.CreateClusterOutput](t)(w.CreateCluster(&ecs.CreateClusterInput{ClusterName: aws.String(name)}))
		want = append(want, name)
	}
	slices.Sort(want)
	var got []string
	pages := 0
	err := w.ListClustersPages(&ecs.ListClustersInput{MaxResults: aws.Int64(3)}, func(page *ecs.ListClustersOutput, _ bool) bool {
		pages++
		for _, arn := range aws.StringValueSlice(page.ClusterArns) {
			got = append(got, arn[strings.LastIndex(arn, "/")+1:])
		}
		return true
	})
	if err != nil || pages != 3 {
		t.Errorf("%d pages, %v", pages, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheFirstUseOfECSFindsNoServiceLinkedRole(t *testing.T) {
	t.Parallel()
	w := ecs.New(newSession(t, localaws.New(localaws.ServiceLinkedRoleLag(2))))
	create := func() error {
		return failing(w.CreateCluster(&ecs.CreateClusterInput{ClusterName: aws.String("clu")}))
	}
	for range 2 {
		if err := create(); codeOf(err) != "InvalidParameterException" || !strings.Contains(err.Error(), "Unable to assume the service linked role.") {
			t.Errorf("first use: %v", err)
		}
	}
	if err := create(); err != nil {
		t.Errorf("later: %v", err)
	}
}

func TestAClusterWithCapacityProvidersIsProvisionedAndDeprovisioned(t *testing.T) {
	t.Parallel()
	const lag = 10 * time.Second
	w := newECSWorld(t, localaws.WithLags(localaws.Lags{Providers: lag}))
	status := func(name string) string {
		t.Helper()
		out := must[*ecs.DescribeClustersOutput](t)(w.DescribeClusters(&ecs.DescribeClustersInput{Clusters: aws.StringSlice([]string{name})}))
		if len(out.Clusters) == 0 {
			return *out.Failures[0].Reason
		}
		return *out.Clusters[0].Status
	}
	create := func() error {
		return failing(w.CreateCluster(&ecs.CreateClusterInput{ClusterName: aws.String("new"), CapacityProviders: aws.StringSlice([]string{"FARGATE"})}))
	}
	service := w.input("www")
	service.Cluster = aws.String("new")
	remove := func() error { return failing(w.DeleteCluster(&ecs.DeleteClusterInput{Cluster: aws.String("new")})) }
	if err := create(); err != nil {
		t.Fatal(err)
	}
	if got := status("new"); got != "PROVISIONING" {
		t.Errorf("at first %s", got)
	}
	testRefusals(t, []refusal{
		{"a service", func() error { return failing(w.CreateService(service)) }, "ClusterNotFoundException"},
		{"other capacity providers", func() error {
			return failing(w.PutClusterCapacityProviders(&ecs.PutClusterCapacityProvidersInput{
				Cluster: aws.String("new"), CapacityProviders: aws.StringSlice([]string{"FARGATE_SPOT"}), DefaultCapacityProviderStrategy: strategy("FARGATE_SPOT"),
			}))
		}, "UpdateInProgressException"},
		{"its deletion", remove, "UpdateInProgressException"},
		{"the same cluster again", create, ""},
	})
	w.clock.Advance(lag)
	if got := status("new"); got != "ACTIVE" {
		t.Errorf("then %s", got)
	}
	testRefusals(t, []refusal{{"a service", func() error { return failing(w.CreateService(service)) }, ""}})
	must[*ecs.DeleteServiceOutput](t)(w.DeleteService(&ecs.DeleteServiceInput{Cluster: aws.String("new"), Service: aws.String("www"), Force: aws.Bool(true)}))
	status("new") // the service drains
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	if got := status("new"); got != "DEPROVISIONING" {
		t.Errorf("while it is deleted %s", got)
	}
	testRefusals(t, []refusal{
		{"a new one of its name", create, "ClientException"},
		{"its deletion again", remove, ""},
	})
	w.clock.Advance(lag)
	if got := status("new"); got != "INACTIVE" {
		t.Errorf("at last %s", got)
	}
	if err := create(); err != nil || status("new") != "PROVISIONING" {
		t.Errorf("a new one of its name: %v, %s", err, status("new"))
	}
	must[*ecs.CreateClusterOutput](t)(w.CreateCluster(&ecs.CreateClusterInput{ClusterName: aws.String("bare")}))
	if got := status("bare"); got != "ACTIVE" {
		t.Errorf("a cluster without capacity providers: %s", got)
	}
}
