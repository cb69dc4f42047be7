package orchestration

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// statusActive is the status of a cluster or a service that is there; ECS keeps a record of deleted ones, INACTIVE.
const statusActive = "ACTIVE"

// readCluster looks whether the cluster is there. One that is named and not given must be.
func (c *creation) readCluster(ctx context.Context) error {
	given := c.in.Cluster != nil
	name := c.cluster
	if !given {
		name = aws.StringValue(c.in.Service.Cluster) // as the caller wrote it: an ARN may be another account's
	}
	cluster, err := c.ecs.Cluster(ctx, name)
	if err != nil && !common.Is(err, common.NotFound) {
		return err
	}
	switch {
	case err == nil && !ecs.ToTags(cluster.Tags).BelongsTo(c.account.Org) && given:
		return taken("cluster", c.cluster)
	case err == nil && !ecs.ToTags(cluster.Tags).BelongsTo(c.account.Org):
		return noCluster(c.cluster)
	case err == nil && aws.StringValue(cluster.Status) == statusActive:
		c.found.cluster, c.out.Cluster = cluster, cluster
	case !given:
		return noCluster(c.cluster)
	}
	return nil
}

// noCluster is the 404 for a cluster that the service names.
func noCluster(name string) error {
	return common.Errorf(common.NotFound, "there is no cluster %s; name one that exists, or add cluster to the request to make it", name)
}

// makeCluster makes the cluster. CreateCluster answers 200 for a cluster that is there already, so claimCluster looks whose it is.
func (c *creation) makeCluster(ctx context.Context) (undo, error) {
	if c.found.cluster != nil {
		return c.claim(ecs.ToTags(c.found.cluster.Tags), c.sharedCluster())(ctx)
	}
	in := c.prepareCluster(c.in.Cluster, c.tagsFor(ecs.ToTags(c.in.Cluster.Tags)))
	in.ClusterName = aws.String(c.cluster)
	c.clusterMade = true // perhaps even if the call fails: undoCluster looks
	return nil, c.pace.Retry(ctx, func() (err error) {
		c.out.Cluster, err = c.ecs.CreateCluster(ctx, in)
		return err
	}, common.ServiceLinkedRole)
}

// prepareCluster returns in with the defaults of clusters and the tags. A default strategy that the providers asked for do not have is
// left out: AWS would refuse it.
func (o *Orchestrator) prepareCluster(in *awsecs.CreateClusterInput, tags common.Tags) *awsecs.CreateClusterInput {
	out := *in
	out.Tags = ecs.FromTags(tags)
	if len(out.CapacityProviders) == 0 {
		out.CapacityProviders = aws.StringSlice([]string{"FARGATE", "FARGATE_SPOT"})
	}
	providers := aws.StringValueSlice(out.CapacityProviders)
	foreign := func(item *awsecs.CapacityProviderStrategyItem) bool {
		return !slices.Contains(providers, aws.StringValue(item.CapacityProvider))
	}
	if len(out.DefaultCapacityProviderStrategy) == 0 && !slices.ContainsFunc(o.defaultStrategy(), foreign) {
		out.DefaultCapacityProviderStrategy = o.defaultStrategy()
	}
	return &out
}

// defaultStrategy is how tasks are spread over capacity providers unless a request says otherwise.
func (o *Orchestrator) defaultStrategy() []*awsecs.CapacityProviderStrategyItem {
	if len(o.account.DefaultStrategy) > 0 {
		return o.account.DefaultStrategy
	}
	return []*awsecs.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE"), Weight: aws.Int64(1)}}
}

// claimCluster looks whether the cluster that CreateCluster answered is this request's, and claims it if another request made it at the
// same moment.
func (c *creation) claimCluster(ctx context.Context) (undo, error) {
	if !c.clusterMade {
		return nil, nil
	}
	cluster, err := c.ecs.Cluster(ctx, c.cluster)
	if err != nil {
		return nil, nil // the cluster is there all the same; only a request at the same moment that fails could take it away
	}
	tags := ecs.ToTags(cluster.Tags)
	if !tags.BelongsTo(c.account.Org) {
		return nil, taken("cluster", c.cluster)
	}
	c.clusterMade = c.mine(tags)
	return c.claim(tags, c.sharedCluster())(ctx)
}

// sharedCluster returns the cluster as something that services share.
func (c *creation) sharedCluster() shared {
	return shared{
		what: "cluster " + c.cluster,
		read: func(ctx context.Context) (common.Tags, error) {
			cluster, err := c.ecs.Cluster(ctx, c.cluster)
			if err != nil {
				return nil, err
			}
			return ecs.ToTags(cluster.Tags), nil
		},
		write: func(ctx context.Context, tags common.Tags) error {
			return c.ecs.Tag(ctx, aws.StringValue(c.out.Cluster.ClusterArn), tags)
		},
	}
}

// undoCluster deletes the cluster if this request made it, and nobody claimed it since.
func (c *creation) undoCluster(ctx context.Context) error {
	if !c.clusterMade {
		return nil
	}
	err := c.find(ctx, c.out.Cluster != nil, func() error {
		_, err := c.ecs.Cluster(ctx, c.cluster)
		return err
	})
	if err == nil {
		_, err = c.deleteCluster(ctx, c.cluster, c.mine)
	}
	c.clusterMade = ignoreNotFound(err) != nil
	return common.Wrapf(ignoreNotFound(err), "cluster %s", c.cluster)
}

// deleteCluster deletes a cluster as long as nothing is in it and its tags are as wanted: somebody may claim it meanwhile. Gone reports
// that it is not there any more.
func (o *Orchestrator) deleteCluster(ctx context.Context, name string, wanted func(common.Tags) bool) (gone bool, err error) {
	err = o.pace.Retry(ctx, func() error {
		cluster, err := o.ecs.Cluster(ctx, name)
		if gone = common.Is(err, common.NotFound) || err == nil && aws.StringValue(cluster.Status) != statusActive; gone {
			return nil
		}
		if err != nil || !wanted(ecs.ToTags(cluster.Tags)) {
			return err
		}
		if busy, err := o.inUse(ctx, name); err != nil || busy {
			return err
		}
		_, err = o.ecs.DeleteCluster(ctx, name)
		gone = err == nil
		return ignoreNotFound(err)
	}, common.ClusterBusy, common.ClusterInUse)
	return gone, err
}
