package api

import (
	"fmt"
	"testing"
	"time"

	"ecs-api/common"
	"ecs-api/localaws"
)

func TestClusters(t *testing.T) {
	t.Parallel()
	h := adhocHarness(t)
	h.addDefinition(t, "web", tagsOurs)
	for name, tags := range map[string]common.Tags{"bare": tagsNone, "theirs": tagsOthers, "withservice": tagsOurs, "withtask": tagsOurs, "gone": tagsOurs} {
		h.addCluster(t, name, tags)
	}
	h.addService(t, "withservice", "www", "web", tagsOurs)
	h.addTask(t, "withtask", "web", tagsOurs)
	if _, err := h.sdk().ECS.DeleteCluster(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}

	ask(t, h, []asked{
		{"a new cluster is for Fargate, and our org's", "POST", "/clusters", `{"clustername":"new","tags":[{"key":"Application","value":"myapp"}]}`, 200, map[string]any{
			"Cluster.ClusterName": "new", "Cluster.ClusterArn": arnECS + "cluster/new", "Cluster.Status": "ACTIVE",
			"Cluster.CapacityProviders.0": "FARGATE", "Cluster.CapacityProviders.1": "FARGATE_SPOT",
			"Cluster.DefaultCapacityProviderStrategy.#": 1, "Cluster.DefaultCapacityProviderStrategy.0.CapacityProvider": "FARGATE", "Cluster.DefaultCapacityProviderStrategy.0.Weight": 1,
			"Cluster.Tags.0.Key": "Application", "Cluster.Tags.0.Value": "myapp", "Cluster.Tags.1.Key": "spinup:org", "Cluster.Tags.1.Value": "localdev",
		}},
		{"what the body says of providers counts", "POST", "/clusters", `{"clustername":"spot","capacityProviders":["FARGATE_SPOT"]}`, 200, map[string]any{
			"Cluster.CapacityProviders.#": 1, "Cluster.DefaultCapacityProviderStrategy.#": 0,
		}},
		{"a cluster that is there is not made again", "POST", "/clusters", `{"clustername":"new"}`, 409, map[string]any{"detail": "cluster new already exists"}},
		{"nor one that nobody's tag is on", "POST", "/clusters", `{"clustername":"bare"}`, 409, nil},
		{"nor one of another org, which is not there", "POST", "/clusters", `{"clustername":"theirs"}`, 404, nil},
		{"a deleted cluster's name is free", "POST", "/clusters", `{"clustername":"gone"}`, 200, map[string]any{"Cluster.Status": "ACTIVE"}},
		{"a cluster needs a name", "POST", "/clusters", `{}`, 400, wrong("clustername")},
		{"a name that ECS has no room for", "POST", "/clusters", `{"clustername":"a/b","tags":[{"Key":"spinup:org","Value":"localdev2"}]}`, 400, wrong("clustername", "tags[0].Value")},
		{"what AWS refuses is a bad request", "POST", "/clusters", `{"clustername":"odd","capacityProviders":["FARGATE","NONE"]}`, 400, map[string]any{"code": "InvalidParameterException"}},
		{"a body that is no object", "POST", "/clusters", `[]`, 400, nil},

		{"a cluster shows its tags", "GET", "/clusters/new", "", 200, map[string]any{
			"Clusters.#": 1, "Clusters.0.ClusterName": "new", "Clusters.0.Tags.0.Key": "Application", "Failures.#": 0,
		}},
		{"a cluster goes by its ARN too", "GET", "/clusters/" + escaped(arnECS+"cluster/new"), "", 200, map[string]any{"Clusters.0.ClusterName": "new"}},
		{"nobody's cluster is shown", "GET", "/clusters/bare", "", 200, map[string]any{"Clusters.0.ClusterName": "bare"}},
		{"another org's is not", "GET", "/clusters/theirs", "", 404, map[string]any{"detail": "there is no cluster theirs"}},
		{"another org's is not by its ARN", "GET", "/clusters/" + escaped(arnECS+"cluster/theirs"), "", 404, nil},
		{"an unknown cluster", "GET", "/clusters/nope", "", 404, nil},
		{"a cluster of another account", "GET", "/clusters/" + escaped("arn:aws:ecs:us-east-1:210987654321:cluster/new"), "", 404, nil},
		{"an ARN of something else", "GET", "/clusters/" + escaped(arnECS+"service/new/www"), "", 400, wrong("cluster")},
		{"a name that no cluster can have", "GET", "/clusters/" + escaped("a/b"), "", 400, wrong("cluster")},
		{"a name that leads elsewhere", "GET", "/clusters/" + escaped("../new"), "", 400, wrong("cluster")},

		{"an empty cluster is deleted", "DELETE", "/clusters/new", "", 200, map[string]any{"Cluster.ClusterName": "new", "Cluster.Status": "INACTIVE"}},
		{"and is not there then", "GET", "/clusters/new", "", 404, nil},
		{"nor to be deleted again", "DELETE", "/clusters/new", "", 404, nil},
		{"a cluster with a service stays", "DELETE", "/clusters/withservice", "", 409, map[string]any{"detail": "cluster withservice has services or tasks in it; delete and stop them first"}},
		{"a cluster with a task stays", "DELETE", "/clusters/" + escaped(arnECS+"cluster/withtask"), "", 409, nil},
		{"another org's cluster stays", "DELETE", "/clusters/theirs", "", 404, nil},
		{"an unknown one cannot be deleted", "DELETE", "/clusters/nope", "", 404, nil},
		{"nor what is no name", "DELETE", "/clusters/" + escaped("a b"), "", 400, wrong("cluster")},
		{"nobody's is deleted when it is named", "DELETE", "/clusters/bare", "", 200, nil},

		{"the list leaves out what is deleted and what is another org's", "GET", "/clusters", "", 200, map[string]any{
			"#": 4, "0": arnECS + "cluster/gone", "1": arnECS + "cluster/spot", "2": arnECS + "cluster/withservice", "3": arnECS + "cluster/withtask",
		}},
	})
}

func TestAnEmptyListOfClusters(t *testing.T) {
	t.Parallel()
	ask(t, adhocHarness(t), []asked{{"is an array", "GET", "/clusters", "", 200, map[string]any{"#": 0}}})
}

// Two pages of clusters, described in two batches at once.
func TestClustersAreListedInBatches(t *testing.T) {
	t.Parallel()
	h := adhocHarness(t)
	for i := range 120 {
		tags := tagsOurs
		if i%10 == 0 {
			tags = tagsOthers
		}
		h.addCluster(t, fmt.Sprintf("c%03d", i), tags)
	}
	h.aws.ResetCalls()
	ask(t, h, []asked{{"all but another org's", "GET", "/clusters", "", 200, map[string]any{"#": 108, "0": arnECS + "cluster/c001", "107": arnECS + "cluster/c119"}}})
	if got := len(h.aws.Calls()); got != 4 {
		t.Errorf("%d calls, want 2 pages and 2 batches", got)
	}
}

func TestAClusterIsCreatedOnce(t *testing.T) {
	t.Parallel()
	t.Run("although the response is lost", func(t *testing.T) {
		h := adhocHarness(t, localaws.WithFaults(localaws.Fault{Operation: "CreateCluster", Effect: localaws.Lose}))
		ask(t, h, []asked{{"the second try finds it", "POST", "/clusters", `{"clustername":"new"}`, 200, map[string]any{"Cluster.ClusterName": "new"}}})
	})
	t.Run("and found where every response is lost", func(t *testing.T) {
		h := adhocHarness(t, localaws.WithFaults(localaws.Fault{Operation: "CreateCluster", Effect: localaws.Lose, Times: -1}))
		ask(t, h, []asked{{"its tags tell whose it is", "POST", "/clusters", `{"clustername":"new"}`, 200, nil}})
		if left := h.aws.Inventory(); len(left) != 1 {
			t.Errorf("there is %v", left)
		}
	})
	t.Run("and by one of two requests", func(t *testing.T) {
		var h *harness
		h = adhocHarness(t, localaws.WithFaults(localaws.Fault{Operation: "CreateCluster", Effect: localaws.Hook, Func: func() {
			h.addCluster(t, "new", tagsOurs) // the hook is used up: this call goes through
		}}))
		ask(t, h, []asked{{"the later one is a conflict", "POST", "/clusters", `{"clustername":"new"}`, 409, nil}})
	})
	t.Run("at the first use of ECS", func(t *testing.T) {
		h := adhocHarness(t, localaws.ServiceLinkedRoleLag(2))
		ask(t, h, []asked{{"which takes AWS a while", "POST", "/clusters", `{"clustername":"new"}`, 200, nil}})
	})
}

// ECS attaches capacity providers to a new cluster, and detaches them from a deleted one, for a while.
func TestAClusterThatECSIsStillChangingIsWaitedFor(t *testing.T) {
	t.Parallel()
	h := adhocHarness(t, localaws.WithLags(localaws.Lags{Providers: 20 * time.Millisecond}))
	ask(t, h, []asked{
		{"a new one", "POST", "/clusters", `{"clustername":"new"}`, 200, map[string]any{"Cluster.Status": "PROVISIONING"}},
		{"is shown", "GET", "/clusters/new", "", 200, map[string]any{"Clusters.0.ClusterName": "new"}},
		{"is there already", "POST", "/clusters", `{"clustername":"new"}`, 409, map[string]any{"code": "AlreadyExists"}},
		{"is deleted when it can be", "DELETE", "/clusters/new", "", 200, map[string]any{"Cluster.Status": "DEPROVISIONING"}},
		{"is created when the old one is gone", "POST", "/clusters", `{"clustername":"new"}`, 200, nil},
		{"is deleted", "DELETE", "/clusters/new", "", 200, nil},
		{"is gone when it is deleted again", "DELETE", "/clusters/new", "", 404, nil},
	})
}
