package orchestration

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
)

// clusterInactive is the status of a cluster that was deleted: ECS keeps a record of it for a while.
const clusterInactive = "INACTIVE"

// clusterName returns the name in a reference to a cluster.
func clusterName(ref string) (string, error) {
	const field = "cluster"
	name, err := resource(field, ref, "ecs", "cluster")
	if err != nil {
		return "", err
	}
	var p problems
	p.name(field, name)
	return name, common.Invalid(p...)
}

// Clusters returns the ARNs of the clusters that are there, whatever their status, but the INACTIVE ones, which were deleted.
func (o *Orchestrator) Clusters(ctx context.Context) ([]string, error) {
	listed, err := o.ecs.ListClusters(ctx)
	if err != nil || len(listed) == 0 {
		return nil, err
	}
	out, err := o.ecs.DescribeClusters(ctx, listed...)
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
	name, err := clusterName(ref)
	if err != nil {
		return nil, err
	}
	cluster, err := o.ecs.Cluster(ctx, ref)
	if err != nil && !common.Is(err, common.NotFound) {
		return nil, err
	}
	if err != nil || !means(ref, aws.StringValue(cluster.ClusterArn)) || !o.thereFor(cluster) {
		return nil, theirs("cluster", name)
	}
	return cluster, nil
}

// CreateCluster makes a cluster for Fargate, with the account's default strategy unless in says otherwise; a Conflict if it is there.
func (o *Orchestrator) CreateCluster(ctx context.Context, in *awsecs.CreateClusterInput) (*awsecs.Cluster, error) {
	name, tags := aws.StringValue(in.ClusterName), ecs.ToTags(in.Tags)
	var p problems
	p.name("clustername", name)
	p = append(p, tags.Validate("tags", o.account.Org)...)
	if err := common.Invalid(p...); err != nil {
		return nil, err
	}
	switch found, err := o.ecs.Cluster(ctx, name); {
	case err != nil && !common.Is(err, common.NotFound):
		return nil, err
	case err == nil && aws.StringValue(found.Status) != clusterInactive:
		return nil, o.clusterTaken(found)
	}
	request := adhocRequest()
	in = o.prepareCluster(in, o.ownTags(tags).With(request))
	var made *awsecs.Cluster
	err := o.run(ctx, name, func(ctx context.Context) (undo, error) {
		err := o.pace.Retry(ctx, func() (err error) {
			made, err = o.ecs.CreateCluster(ctx, in)
			return err
		}, common.ServiceLinkedRole)
		if common.Ambiguous(err) {
			return func(ctx context.Context) error { return o.undoAdhocCluster(ctx, name, request) }, err
		}
		return nil, err
	})
	if err != nil {
		return nil, err
	}
	// ECS answers 200 for a cluster that another request made since we looked. Its tags tell; one that cannot be seen yet is ours.
	if found, err := o.ecs.Cluster(ctx, name); err == nil && !slices.Contains(ecs.ToTags(found.Tags), request) {
		return nil, o.clusterTaken(found)
	}
	return made, nil
}

// clusterTaken says why a cluster cannot be made where there is one.
func (o *Orchestrator) clusterTaken(found *awsecs.Cluster) error {
	name := aws.StringValue(found.ClusterName)
	if !ecs.ToTags(found.Tags).BelongsTo(o.account.Org) {
		return taken("cluster", name)
	}
	return common.Coded(common.CodeAlreadyExists, "cluster %s already exists", name)
}

// undoAdhocCluster deletes the cluster if it carries the tag of the request that may have made it.
func (o *Orchestrator) undoAdhocCluster(ctx context.Context, name string, request common.Tag) error {
	_, err := o.deleteCluster(ctx, name, func(tags common.Tags) bool { return slices.Contains(tags, request) })
	return common.Wrapf(err, "perhaps cluster %s", name)
}

// DeleteCluster deletes the cluster with the given name or ARN; a Conflict if anything runs in it, or is being built.
func (o *Orchestrator) DeleteCluster(ctx context.Context, ref string) (*awsecs.Cluster, error) {
	name, err := clusterName(ref)
	if err != nil {
		return nil, err
	}
	release, ok := o.spaces.alone(name)
	if !ok {
		return nil, common.Coded(common.CodeClusterBusy, "another request creates something in cluster %s, or tears it down. Retry when it is done", name)
	}
	defer release()
	busy := false
	_, err = together(
		read(func(ctx context.Context) error {
			_, err := o.Cluster(ctx, ref)
			return err
		}),
		read(func(ctx context.Context) (err error) { // ECS refuses too, but in the words that it has for a cluster whose services are still stopping, which is retried
			busy, err = o.inUse(ctx, name)
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
	err = o.pace.Retry(ctx, func() (err error) {
		deleted, err = o.ecs.DeleteCluster(ctx, name)
		return err
	}, common.ClusterBusy)
	return deleted, err
}
