package show

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"golang.org/x/sync/errgroup"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/diagnosis"
	"ecs-api/orchestration/resource"
)

// Summary is a service in a list of all of an account's.
type Summary struct {
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

// All returns the org's services in all clusters that have the tags and, unless it is empty, the state. It takes two calls for each
// hundred clusters, and for each cluster with services one and another for each ten services.
func (r *Reader) All(ctx context.Context, state diagnosis.State, tags common.Tags) ([]Summary, error) {
	arns, err := r.account.ECS.ListClusters(ctx)
	if err != nil || len(arns) == 0 {
		return []Summary{}, err
	}
	described, err := r.account.ECS.DescribeClusters(ctx, arns...)
	if err != nil {
		return nil, err
	}
	found := make([][]Summary, len(described.Clusters))
	readers, ctx := errgroup.WithContext(ctx)
	readers.SetLimit(maxReaders)
	for i, cluster := range described.Clusters {
		if cluster == nil || r.hidden(cluster.Tags) || common.Value(cluster.Status) == "INACTIVE" {
			continue
		}
		common.Go(readers, func() (err error) {
			found[i], err = r.servicesIn(ctx, common.Value(cluster.ClusterName), state, tags)
			return err
		})
	}
	if err := readers.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(found...)
	if all == nil {
		all = []Summary{}
	}
	slices.SortStableFunc(all, func(a, b Summary) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(common.Value(a.ServiceName), common.Value(b.ServiceName)))
	})
	return all, nil
}

// servicesIn returns a cluster's services that have the tags and the state. A cluster that has gone meanwhile has none.
func (r *Reader) servicesIn(ctx context.Context, cluster string, state diagnosis.State, tags common.Tags) ([]Summary, error) {
	arns, err := r.account.ECS.ListServices(ctx, cluster)
	if err != nil || len(arns) == 0 {
		return nil, resource.IgnoreNotFound(err)
	}
	services, err := r.account.ECS.Services(ctx, cluster, arns)
	if err != nil {
		return nil, resource.IgnoreNotFound(err)
	}
	var all []Summary
	for _, s := range services {
		one := Summary{
			ServiceName: s.ServiceName, ServiceArn: s.ServiceArn, Cluster: account.NameOf(cluster), State: diagnosis.StateOf(s), DesiredCount: common.Value(s.DesiredCount),
			RunningCount: common.Value(s.RunningCount), PendingCount: common.Value(s.PendingCount), TaskDefinition: s.TaskDefinition, CreatedAt: s.CreatedAt, Tags: s.Tags,
		}
		if !r.hidden(s.Tags) && one.State != diagnosis.Inactive && (state == "" || state == one.State) && hasTags(ecs.ToTags(s.Tags), tags) {
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

// List returns the ARNs of the services in a cluster. In a cluster that is nobody's, those of other orgs are left out.
func (r *Reader) List(ctx context.Context, cluster string) ([]string, error) {
	var arns []string
	var home *awsecs.Cluster
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			arns, err = r.account.ECS.ListServices(ctx, cluster)
			return err
		},
		func(ctx context.Context) (err error) {
			home, err = r.homeOf(ctx, cluster)
			return err
		},
	)
	if err != nil || ecs.ToTags(home.Tags).TaggedFor(r.account.Org) {
		return arns, err
	}
	services, err := r.describeOurs(ctx, cluster, arns)
	ours := []string{}
	for _, s := range services {
		ours = append(ours, aws.StringValue(s.ServiceArn))
	}
	return ours, err
}

// Listed is a service in a list, with its tags.
type Listed struct {
	*awsecs.Service
	State diagnosis.State
}

// ListAll returns the services in a cluster with their tags.
func (r *Reader) ListAll(ctx context.Context, cluster string) ([]Listed, error) {
	arns, err := r.List(ctx, cluster)
	if err != nil {
		return nil, err
	}
	services, err := r.describeOurs(ctx, cluster, arns)
	var all []Listed
	for _, s := range services {
		all = append(all, Listed{s, diagnosis.StateOf(s)})
	}
	return all, err
}

// describeOurs describes services, and leaves out those that do not exist for our callers.
func (r *Reader) describeOurs(ctx context.Context, cluster string, arns []string) ([]*awsecs.Service, error) {
	services, err := r.account.ECS.Services(ctx, cluster, arns)
	return slices.DeleteFunc(services, func(s *awsecs.Service) bool {
		return !ecs.ToTags(s.Tags).VisibleTo(r.account.Org) || aws.StringValue(s.Status) == "INACTIVE"
	}), err
}
