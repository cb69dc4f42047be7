package observe

import (
	"cmp"
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/diagnosis"
	"ecs-api/orchestration/resource"
)

// Service is a service in a list of all of an account's.
type Service struct {
	ServiceName    *string
	ServiceArn     *string
	Cluster        string // its name
	State          diagnosis.State
	DesiredCount   int64
	RunningCount   int64
	PendingCount   int64
	TaskDefinition *string
	CreatedAt      *time.Time
	Tags           []*awsecs.Tag
}

// maxReaders is how many clusters are read at the same time.
const maxReaders = 8

// Services returns the org's services in all clusters that have the tags and, unless it is empty, the state. It takes two calls for each
// hundred clusters, and for each cluster with services one and another for each ten services.
func (o *Observer) Services(ctx context.Context, state diagnosis.State, tags common.Tags) ([]Service, error) {
	arns, err := o.account.ECS.ListClusters(ctx)
	if err != nil || len(arns) == 0 {
		return []Service{}, err
	}
	described, err := o.account.ECS.DescribeClusters(ctx, arns...)
	if err != nil {
		return nil, err
	}
	found := make([][]Service, len(described.Clusters))
	readers, ctx := errgroup.WithContext(ctx)
	readers.SetLimit(maxReaders)
	for i, cluster := range described.Clusters {
		if cluster == nil || o.hidden(cluster.Tags) || value(cluster.Status) == "INACTIVE" {
			continue
		}
		common.Go(readers, func() (err error) {
			found[i], err = o.servicesIn(ctx, value(cluster.ClusterName), state, tags)
			return err
		})
	}
	if err := readers.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(found...)
	if all == nil {
		all = []Service{}
	}
	slices.SortStableFunc(all, func(a, b Service) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(value(a.ServiceName), value(b.ServiceName)))
	})
	return all, nil
}

// servicesIn returns a cluster's services that have the tags and the state. A cluster that has gone meanwhile has none.
func (o *Observer) servicesIn(ctx context.Context, cluster string, state diagnosis.State, tags common.Tags) ([]Service, error) {
	arns, err := o.account.ECS.ListServices(ctx, cluster)
	if err != nil || len(arns) == 0 {
		return nil, resource.IgnoreNotFound(err)
	}
	services, err := o.account.ECS.Services(ctx, cluster, arns)
	if err != nil {
		return nil, resource.IgnoreNotFound(err)
	}
	var all []Service
	for _, s := range services {
		one := Service{
			ServiceName: s.ServiceName, ServiceArn: s.ServiceArn, Cluster: account.NameOf(cluster), State: diagnosis.StateOf(s), DesiredCount: value(s.DesiredCount),
			RunningCount: value(s.RunningCount), PendingCount: value(s.PendingCount), TaskDefinition: s.TaskDefinition, CreatedAt: s.CreatedAt, Tags: s.Tags,
		}
		if !o.hidden(s.Tags) && one.State != diagnosis.Inactive && (state == "" || state == one.State) && hasTags(ecs.ToTags(s.Tags), tags) {
			all = append(all, one)
		}
	}
	return all, nil
}

// hasTags reports whether a thing with some tags has all that are wanted.
func hasTags(have, wanted common.Tags) bool {
	for _, tag := range wanted {
		if v, ok := have.Get(tag.Key); !ok || v != tag.Value {
			return false
		}
	}
	return true
}
