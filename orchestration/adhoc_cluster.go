package orchestration

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
)

// clusterInactive is the status of a cluster that was deleted: ECS keeps a record of it for a while.
const clusterInactive = "INACTIVE"

// Clusters returns the ARNs of the clusters that are there, whatever their status, but the INACTIVE ones, which were deleted.
func (o *Orchestrator) Clusters(ctx context.Context) ([]string, error) {
	listed, err := o.account.ECS.ListClusters(ctx)
	if err != nil || len(listed) == 0 {
		return nil, err
	}
	out, err := o.account.ECS.DescribeClusters(ctx, listed...)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, cluster := range out.Clusters {
		there[aws.StringValue(cluster.ClusterArn)] = o.thereFor(cluster)
	}
	return slices.DeleteFunc(listed, func(arn string) bool { return !there[arn] }), nil
}

// thereFor reports whether the cluster exists for our callers.
func (o *Orchestrator) thereFor(cluster *awsecs.Cluster) bool {
	return aws.StringValue(cluster.Status) != clusterInactive && ecs.ToTags(cluster.Tags).BelongsTo(o.account.Org)
}

// Cluster returns the cluster with the given name or ARN.
func (o *Orchestrator) Cluster(ctx context.Context, ref string) (*awsecs.Cluster, error) {
	name, err := account.ClusterName(ref)
	if err != nil {
		return nil, err
	}
	cluster, err := o.account.ECS.Cluster(ctx, ref)
	if err != nil && !common.Is(err, common.NotFound) {
		return nil, err
	}
	if err != nil || !account.Means(ref, aws.StringValue(cluster.ClusterArn)) || !o.thereFor(cluster) {
		return nil, account.NoSuch("cluster", name)
	}
	return cluster, nil
}

// CreateCluster makes a cluster for Fargate, with the account's default strategy unless in says otherwise; a Conflict if it is there.
func (o *Orchestrator) CreateCluster(ctx context.Context, in *awsecs.CreateClusterInput) (*awsecs.Cluster, error) {
	name, tags := aws.StringValue(in.ClusterName), ecs.ToTags(in.Tags)
	var p common.Problems
	account.CheckName(&p, "clustername", name)
	p = append(p, tags.Validate("tags", o.account.Org)...)
	if err := common.Invalid(p...); err != nil {
		return nil, err
	}
	switch found, err := o.account.ECS.Cluster(ctx, name); {
	case err != nil && !common.Is(err, common.NotFound):
		return nil, err
	case err == nil && aws.StringValue(found.Status) != clusterInactive:
		return nil, o.clusterTaken(found)
	}
	request := adhocRequest()
	thing := &resource.Cluster{Account: o.account, Cluster: name, Input: in}
	it := &resource.Item{Thing: thing, Tags: o.adhocTags(tags).With(request)}
	r := o.adhocRequestFor(name, request)
	err := o.tx.Alone(ctx, name, r, saga.InOrder(r.Ensure(it), saga.Do(func(ctx context.Context) error {
		// ECS responds 200 for a cluster that another request created since we looked. Its tags tell; one that cannot be seen yet is ours.
		if found, err := o.account.ECS.Cluster(ctx, name); err == nil && !slices.Contains(ecs.ToTags(found.Tags), request) {
			return o.clusterTaken(found)
		}
		return nil
	})), thing)
	return resource.ValueOf[*awsecs.Cluster](it.Now), err
}

// adhocRequestFor returns the request that creates one thing ad hoc.
func (o *Orchestrator) adhocRequestFor(cluster string, owner common.Tag) *resource.Request {
	return &resource.Request{Org: o.account.Org, Cluster: cluster, Owner: owner.Value, Pace: o.account.Pace, Ledger: &o.tx.Ledger}
}

// clusterTaken says why a cluster cannot be made where there is one.
func (o *Orchestrator) clusterTaken(found *awsecs.Cluster) error {
	name := aws.StringValue(found.ClusterName)
	if !ecs.ToTags(found.Tags).BelongsTo(o.account.Org) {
		return account.NameTaken("cluster", name)
	}
	return common.Coded(common.CodeAlreadyExists, "cluster %s already exists", name)
}

// DeleteCluster deletes the cluster with the given name or ARN; a Conflict if anything runs in it, or is being built.
func (o *Orchestrator) DeleteCluster(ctx context.Context, ref string) (*awsecs.Cluster, error) {
	name, err := account.ClusterName(ref)
	if err != nil {
		return nil, err
	}
	thing := &resource.Cluster{Account: o.account, Cluster: name}
	hold, free := o.tx.Ledger.Alone(thing)
	if !free {
		return nil, common.Coded(common.CodeClusterBusy, "another request creates something in cluster %s, or tears it down. Retry when it is done", name)
	}
	defer hold.Release()
	busy := false
	_, err = saga.Together(
		saga.Do(func(ctx context.Context) error {
			_, err := o.Cluster(ctx, ref)
			return err
		}),
		saga.Do(func(ctx context.Context) (err error) { // ECS refuses too, but in the words that it has for a cluster whose services are still stopping, which is retried
			busy, err = thing.InUse(ctx)
			return err
		}),
	)(ctx)
	if err != nil {
		return nil, err
	}
	if busy {
		return nil, common.Coded(common.CodeInUse, "cluster %s has services or tasks in it; delete and stop them first", name)
	}
	var deleted *awsecs.Cluster
	err = o.account.Pace.Retry(ctx, func() (err error) {
		deleted, err = o.account.ECS.DeleteCluster(ctx, name)
		return err
	}, common.ClusterBusy)
	return deleted, err
}
