package resource

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/spec"
)

// The statuses of clusters and services.
const (
	StatusActive   = "ACTIVE"
	StatusDraining = "DRAINING"
	StatusInactive = "INACTIVE" // ECS keeps a record of what was deleted

	ClusterProvisioning   = "PROVISIONING"
	ClusterDeprovisioning = "DEPROVISIONING"
)

// Cluster is the adapter of an ECS cluster.
type Cluster struct {
	Account *account.Account
	Cluster string
	Ref     string                     // how the request refers to it, if not by Cluster: an ARN may be of another account
	Input   *awsecs.CreateClusterInput // to create it; nil if it must exist
}

// Kind implements Thing.
func (c *Cluster) Kind() Kind { return KindCluster }

// Name implements Thing.
func (c *Cluster) Name() string { return c.Cluster }

// Traits says that a cluster is shared, that ECS deletes none with services in it, and that ECS responds 200 to the creation of one that is there.
func (c *Cluster) Traits() Traits {
	return Traits{Shared: true, CreateReturnsExisting: true, UseGuarded: true, RetryCreate: []common.Retryable{common.ServiceLinkedRole},
		RetryDelete: []common.Retryable{common.ClusterBusy, common.ClusterInUse}}
}

// Find returns the cluster if it is ACTIVE. It waits while ECS provisions the cluster, or detaches its capacity providers before it deletes the cluster.
func (c *Cluster) Find(ctx context.Context) (*State, error) {
	var found *awsecs.Cluster
	err := c.Account.Backoff.Until(ctx, func() (bool, error) {
		ref := c.Ref
		if ref == "" {
			ref = c.Cluster
		}
		cluster, err := c.Account.ECS.Cluster(ctx, ref)
		if err != nil {
			return common.Is(err, common.NotFound), IgnoreNotFound(err)
		}
		switch aws.StringValue(cluster.Status) {
		case StatusActive:
			found = cluster
		case ClusterProvisioning, ClusterDeprovisioning:
			return false, nil
		}
		return true, nil
	})
	if err != nil || found == nil {
		return nil, err
	}
	return clusterState(found), nil
}

func clusterState(cluster *awsecs.Cluster) *State {
	return &State{ID: aws.StringValue(cluster.ClusterArn), Tags: ecs.ToTags(cluster.Tags), Value: cluster}
}

// Create creates the cluster, with the defaults of clusters.
func (c *Cluster) Create(ctx context.Context, tags common.Tags) (*State, error) {
	in := spec.Cluster(c.Account.Settings, c.Input, ecs.FromTags(tags))
	in.ClusterName = aws.String(c.Cluster)
	cluster, err := c.Account.ECS.CreateCluster(ctx, in)
	if err != nil {
		return nil, err
	}
	if len(cluster.DefaultCapacityProviderStrategy) == 0 && len(in.DefaultCapacityProviderStrategy) > 0 { // not every response has it
		cluster.DefaultCapacityProviderStrategy = in.DefaultCapacityProviderStrategy
	}
	return clusterState(cluster), nil
}

// SetTags implements Thing.
func (c *Cluster) SetTags(ctx context.Context, s *State, set common.Tags, remove []string) error {
	return setECSTags(ctx, c.Account, s, set, remove)
}

// ClusterNotEmpty is the Conflict for a cluster in which something runs.
func ClusterNotEmpty(cluster string) error {
	return common.Coded(common.CodeInUse, "cluster %s has services or tasks in it; delete and stop them first", cluster)
}

// Delete deletes the cluster. If anything runs in it, the error is InUse: somebody may have begun to use the cluster.
func (c *Cluster) Delete(ctx context.Context, _ *State) error {
	switch busy, err := c.InUse(ctx, ""); {
	case err != nil:
		return err
	case busy:
		return ClusterNotEmpty(c.Cluster)
	}
	_, err := c.Account.ECS.DeleteCluster(ctx, c.Cluster)
	return err
}

// InUse reports whether anything runs in the cluster: a service, or a task without a service. Except names a service, or a managed task definition as ownership
// tags name it, which does not count, nor do its tasks.
func (c *Cluster) InUse(ctx context.Context, except string) (bool, error) {
	var services []*awsecs.Service
	var tasks []*awsecs.Task
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			services, err = LiveServices(ctx, c.Account, c.Cluster)
			return err
		},
		func(ctx context.Context) (err error) {
			tasks, err = liveTasks(ctx, c.Account, c.Cluster)
			return err
		},
	)
	if except != "" {
		services = slices.DeleteFunc(services, func(s *awsecs.Service) bool { return aws.StringValue(s.ServiceName) == except })
		tasks = slices.DeleteFunc(tasks, func(t *awsecs.Task) bool {
			return aws.StringValue(t.Group) == "service:"+except || ForTaskDefinition(account.FamilyOf(aws.StringValue(t.TaskDefinitionArn))) == except
		})
	}
	return len(services) > 0 || len(tasks) > 0, err
}

// LiveServices returns the services of a cluster that are active or still draining; none if there is no such cluster.
func LiveServices(ctx context.Context, a *account.Account, cluster string) ([]*awsecs.Service, error) {
	arns, err := a.ECS.ListServices(ctx, cluster)
	if err != nil {
		return nil, IgnoreNotFound(err)
	}
	services, err := a.ECS.Services(ctx, cluster, arns)
	if err != nil {
		return nil, IgnoreNotFound(err)
	}
	var live []*awsecs.Service
	for _, s := range services {
		if status := aws.StringValue(s.Status); status == StatusActive || status == StatusDraining {
			live = append(live, s)
		}
	}
	return live, nil
}

// liveTasks returns the tasks of a cluster that have not stopped; none if there is no such cluster.
func liveTasks(ctx context.Context, a *account.Account, cluster string) ([]*awsecs.Task, error) {
	arns, err := a.ECS.ListTasks(ctx, ecs.TaskFilter{Cluster: cluster})
	if err != nil || len(arns) == 0 {
		return nil, IgnoreNotFound(err)
	}
	out, err := a.ECS.DescribeTasks(ctx, cluster, arns)
	if err != nil {
		return nil, IgnoreNotFound(err)
	}
	var live []*awsecs.Task
	for _, t := range out.Tasks {
		if aws.StringValue(t.LastStatus) != awsecs.DesiredStatusStopped {
			live = append(live, t)
		}
	}
	return live, nil
}
