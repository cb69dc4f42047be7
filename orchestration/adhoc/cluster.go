package adhoc

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
)

// Clusters are an account's ECS clusters.
type Clusters struct{ base }

// List returns the ARNs of the clusters that are there, whatever their status, but the INACTIVE ones, which were deleted.
func (c Clusters) List(ctx context.Context) ([]string, error) {
	listed, err := c.account.ECS.ListClusters(ctx)
	if err != nil || len(listed) == 0 {
		return nil, err
	}
	out, err := c.account.ECS.DescribeClusters(ctx, listed...)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, cluster := range out.Clusters {
		there[aws.StringValue(cluster.ClusterArn)] = c.exists(cluster)
	}
	return slices.DeleteFunc(listed, func(arn string) bool { return !there[arn] }), nil
}

// exists reports whether the cluster exists for our callers.
func (c Clusters) exists(cluster *awsecs.Cluster) bool {
	return aws.StringValue(cluster.Status) != resource.StatusInactive && ecs.ToTags(cluster.Tags).VisibleTo(c.account.Org)
}

// Show returns the cluster with the given name or ARN.
func (c Clusters) Show(ctx context.Context, ref string) (*awsecs.Cluster, error) {
	name, err := account.ClusterName(ref)
	if err != nil {
		return nil, err
	}
	cluster, err := c.account.ECS.Cluster(ctx, ref)
	if err != nil && !common.Is(err, common.NotFound) {
		return nil, err
	}
	if err != nil || !account.Means(ref, aws.StringValue(cluster.ClusterArn)) || !c.exists(cluster) {
		return nil, account.NoSuch("cluster", name)
	}
	return cluster, nil
}

// settleTime is how long a request waits for a cluster whose capacity providers are attached or detached.
const settleTime = time.Minute

// settled returns the cluster once its capacity providers are attached. A cluster whose providers are being detached is on its way out: settled waits for
// that, and returns NotFound.
func (c Clusters) settled(ctx context.Context, ref string) (*awsecs.Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	var cluster *awsecs.Cluster
	err := c.account.Backoff.Until(ctx, func() (bool, error) {
		found, err := c.Show(ctx, ref)
		if err != nil {
			return false, err
		}
		cluster = found
		return !changing(cluster), nil
	})
	if common.Is(err, common.Timeout) && cluster != nil && changing(cluster) {
		return nil, clusterChanging(cluster)
	}
	return cluster, err
}

// changing reports whether ECS attaches or detaches the cluster's capacity providers.
func changing(cluster *awsecs.Cluster) bool {
	return slices.Contains([]string{resource.ClusterProvisioning, resource.ClusterDeprovisioning}, aws.StringValue(cluster.Status))
}

// clusterChanging is the Conflict for a cluster that ECS is still changing.
func clusterChanging(cluster *awsecs.Cluster) error {
	return common.Coded(common.CodeClusterBusy, "cluster %s is still %s. Repeat the request when ECS is done with it",
		aws.StringValue(cluster.ClusterName), aws.StringValue(cluster.Status))
}

// newCluster is a cluster that a request creates and shares with nobody: one that another request creates at the same moment is a Conflict.
type newCluster struct{ *resource.Cluster }

// Traits says that one that is there is not adopted.
func (n newCluster) Traits() resource.Traits {
	traits := n.Cluster.Traits()
	traits.Shared, traits.CreateReturnsExisting = false, false
	return traits
}

// Check returns what is wrong with a new cluster, as far as that can be decided without AWS.
func (c Clusters) Check(in *awsecs.CreateClusterInput) common.Problems {
	var p common.Problems
	account.CheckName(&p, "clustername", aws.StringValue(in.ClusterName))
	p = append(p, ecs.ToTags(in.Tags).Validate("tags", c.account.Org)...)
	p.AddSDK("", in)
	return p
}

// Create creates a cluster for Fargate, with the account's default strategy unless in says otherwise; a Conflict if it is there. One that is being
// deleted is waited for.
func (c Clusters) Create(ctx context.Context, in *awsecs.CreateClusterInput) (*awsecs.Cluster, error) {
	name, tags := aws.StringValue(in.ClusterName), ecs.ToTags(in.Tags)
	if err := c.Check(in).Err(); err != nil {
		return nil, err
	}
	if err := c.free(ctx, name); err != nil {
		return nil, err
	}
	r := c.request(name)
	item := &resource.Item{Thing: newCluster{&resource.Cluster{Account: c.account, Cluster: name, Input: in}}, Tags: c.tagsFor(ctx, r, tags)}
	err := c.transactions.RunUnlocked(ctx, name, r, saga.InOrder(r.Ensure(item), saga.NoRollback(func(ctx context.Context) error {
		// ECS responds 200 for a cluster that another request created since we looked. Its tags tell; one that cannot be seen yet is ours.
		if found, err := c.account.ECS.Cluster(ctx, name); err == nil && !r.HasTagged(ecs.ToTags(found.Tags)) {
			return c.taken(found)
		}
		return nil
	})), item)
	if err != nil && (r.ConcurrentCreator.Load() || common.ResponseCode(err) == common.CodeNameTaken) {
		err = clusterExists(name)
	}
	if err != nil {
		return nil, err
	}
	return resource.ValueOf[*awsecs.Cluster](item.Now), nil
}

// free returns why there cannot be a new cluster of the name. It waits for one that is being deleted.
func (c Clusters) free(ctx context.Context, name string) error {
	found, err := c.account.ECS.Cluster(ctx, name)
	switch {
	case common.Is(err, common.NotFound):
		return nil
	case err != nil:
		return err
	case aws.StringValue(found.Status) == resource.StatusInactive:
		return nil
	case aws.StringValue(found.Status) != resource.ClusterDeprovisioning || !c.exists(found):
		return c.taken(found)
	}
	cluster, err := c.settled(ctx, name)
	if err == nil { // somebody else was faster
		err = c.taken(cluster)
	}
	return resource.IgnoreNotFound(err)
}

// taken is the error for a cluster that cannot be created because there is one.
func (c Clusters) taken(found *awsecs.Cluster) error {
	name := aws.StringValue(found.ClusterName)
	if !ecs.ToTags(found.Tags).VisibleTo(c.account.Org) {
		return account.NameTaken("cluster", name)
	}
	return clusterExists(name)
}

func clusterExists(name string) error {
	return common.Coded(common.CodeAlreadyExists, "cluster %s already exists", name)
}

// Delete deletes the cluster with the given name or ARN; a Conflict if anything runs in it, or if another request creates something in it.
func (c Clusters) Delete(ctx context.Context, ref string) (*awsecs.Cluster, error) {
	name, err := account.ClusterName(ref)
	if err != nil {
		return nil, err
	}
	thing := &resource.Cluster{Account: c.account, Cluster: name}
	hold, free := c.transactions.Ledger.ReserveUnused(thing)
	if !free {
		return nil, common.Coded(common.CodeClusterBusy, "another request creates something in cluster %s, or tears it down. Retry when it is done", name)
	}
	defer hold.Release()
	busy := false
	err = common.Concurrently(ctx,
		func(ctx context.Context) error {
			_, err := c.settled(ctx, ref)
			return err
		},
		func(ctx context.Context) (err error) { // ECS refuses too, but in the words that it has for a cluster whose services are still stopping, which is retried
			busy, err = thing.InUse(ctx, "")
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	if busy {
		return nil, resource.ClusterNotEmpty(name)
	}
	var deleted *awsecs.Cluster
	err = c.account.Backoff.Retry(ctx, func() (err error) {
		deleted, err = c.account.ECS.DeleteCluster(ctx, name)
		return err
	}, common.ClusterBusy)
	return deleted, err
}
