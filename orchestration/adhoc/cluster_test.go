package adhoc

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/transaction"
)

// resources returns what an account of a simulated AWS has, and the manager of its transactions.
func resources(t *testing.T, simulator *localaws.AWS) (*Resources, *transaction.Manager) {
	t.Helper()
	return withBackoff(t, simulator, awstest.Hurried)
}

// withBackoff is resources with a backoff of the test's own.
func withBackoff(t *testing.T, simulator *localaws.AWS, backoff common.Backoff) (*Resources, *transaction.Manager) {
	t.Helper()
	sess := awstest.Direct(t, simulator)
	group := operations.NewGroup(operations.Options{})
	t.Cleanup(func() { group.Shutdown(context.WithoutCancel(t.Context())) })
	tx := transaction.New(account.New(account.Settings{Name: "local", Region: "us-east-1", Org: "localdev"}, account.NewClients(sess), backoff), group)
	return New(tx), tx
}

func TestAClusterThatECSIsStillChangingIsBusy(t *testing.T) {
	r, _ := withBackoff(t, localaws.New(localaws.WithLags(localaws.Lags{Providers: time.Hour})), common.DefaultBackoff)
	created, err := r.Clusters.Create(t.Context(), &awsecs.CreateClusterInput{ClusterName: aws.String("clu")})
	if err != nil || aws.StringValue(created.Status) != resource.ClusterProvisioning {
		t.Fatalf("created %v, %v", created, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), common.DefaultBackoff.First/2) // shorter than the first wait, which is not begun then
	defer cancel()
	_, err = r.Clusters.Delete(ctx, "clu")
	const want = "cluster clu is still PROVISIONING. Repeat the request when ECS is done with it"
	if common.ResponseCode(err) != common.CodeClusterBusy || common.Public(err) != want || common.RetryAfter(err) == 0 {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAClusterThatARequestBuildsInIsBusy(t *testing.T) {
	r, tx := resources(t, localaws.New())
	if _, err := r.Clusters.Create(t.Context(), &awsecs.CreateClusterInput{ClusterName: aws.String("clu")}); err != nil {
		t.Fatal(err)
	}
	builder := r.Clusters.request("clu")
	if err := builder.Use(t.Context(), &resource.Cluster{Account: tx.Account, Cluster: "clu"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Clusters.Delete(t.Context(), "clu"); common.ResponseCode(err) != common.CodeClusterBusy {
		t.Errorf("got %v while another request uses the cluster", err)
	}
	builder.Leave(true)
	if deleted, err := r.Clusters.Delete(t.Context(), "clu"); err != nil || aws.StringValue(deleted.Status) != resource.StatusInactive {
		t.Errorf("deleted %v, %v", deleted, err)
	}
}
