package observe

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/diagnosis"
	"ecs-api/orchestration/resource"
)

// ServiceView is a service with what belongs to it.
type ServiceView struct {
	*awsecs.Service
	Cluster         *awsecs.Cluster        // the object
	TaskDefinition  *awsecs.TaskDefinition // the object
	Tasks           []string               // ids of the running and the stopped ones that AWS still knows
	ServiceEndpoint *string                // its name in service discovery: name.namespace
	State           diagnosis.State
}

// Show returns a service with its tags.
func (o *Observer) Show(ctx context.Context, cluster, name string) (*awsecs.Service, error) {
	service, _, err := o.show(ctx, cluster, name)
	return service, err
}

// show returns a service and its cluster, in one round. What belongs to another org, or is gone, is NotFound.
func (o *Observer) show(ctx context.Context, cluster, name string) (service *awsecs.Service, home *awsecs.Cluster, err error) {
	err = common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			home, err = o.homeOf(ctx, cluster)
			if common.Is(err, common.NotFound) {
				return account.NoClusterFor(cluster, name)
			}
			return err
		},
		func(ctx context.Context) (err error) {
			service, err = o.account.ECS.Service(ctx, cluster, name)
			if common.Is(err, common.NotFound) {
				return account.NoService(cluster, name)
			}
			return err
		},
	)
	switch {
	case err != nil:
		return nil, nil, err
	case !ecs.ToTags(service.Tags).VisibleTo(o.account.Org) || aws.StringValue(service.Status) == "INACTIVE":
		return nil, nil, account.NoService(cluster, name)
	}
	return service, home, nil
}

// homeOf returns a cluster that exists for our callers.
func (o *Observer) homeOf(ctx context.Context, name string) (*awsecs.Cluster, error) {
	cluster, err := o.account.ECS.Cluster(ctx, name)
	if common.Is(err, common.NotFound) || err == nil && (!ecs.ToTags(cluster.Tags).VisibleTo(o.account.Org) || aws.StringValue(cluster.Status) == "INACTIVE") {
		return nil, common.Errorf(common.NotFound, "there is no cluster %s", name)
	}
	return cluster, err
}

// Freshness is how new what a read returns has to be.
type Freshness bool

// What a reader can ask for.
const (
	// AsFarAsRatesAllow takes what is known to be still true where AWS's rates have no room for reading it anew.
	AsFarAsRatesAllow Freshness = false
	// AllNew has everything read anew, however long that takes.
	AllNew Freshness = true
)

// ShowAll returns a service with what belongs to it, in three rounds.
func (o *Observer) ShowAll(ctx context.Context, cluster, name string, fresh Freshness) (*ServiceView, error) {
	at, view := target{cluster, name}, &ServiceView{}
	var tasks taskList
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			view.Service, view.Cluster, err = o.show(ctx, cluster, name)
			return err
		},
		func(ctx context.Context) (err error) {
			tasks, err = o.listNow(ctx, at)
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	oldest := o.sightings.see(at, view.Service, o.now())
	if fresh == AllNew {
		oldest = 0
	}
	if err := o.readRest(ctx, at, view, &tasks, oldest); err != nil {
		return nil, err
	}
	view.Tasks, view.State = tasks.ids(), diagnosis.StateOf(view.Service)
	return view, nil
}

// definitionOf returns a task definition; nil if it is not there any more.
func (o *Observer) definitionOf(ctx context.Context, arn string) (*awsecs.TaskDefinition, error) {
	revision, err := o.account.RevisionCache.Revision(ctx, arn)
	if err != nil {
		return nil, resource.IgnoreNotFound(err)
	}
	return revision.TaskDefinition, nil
}

// endpointOf returns the service's name in service discovery, name.namespace; nil if it has none.
func (o *Observer) endpointOf(ctx context.Context, at target, service *awsecs.Service) (*string, error) {
	if len(service.ServiceRegistries) == 0 {
		return nil, nil
	}
	arn := aws.StringValue(service.ServiceRegistries[0].RegistryArn)
	return o.recentEndpoints.get(o.now, keyOf(at, arn), func() (*string, error) { return o.readEndpoint(ctx, arn) })
}

// readEndpoint returns the name of a Cloud Map service, name.namespace; nil if it is not there.
func (o *Observer) readEndpoint(ctx context.Context, arn string) (*string, error) {
	found, err := o.account.CloudMap.Service(ctx, arn)
	if err != nil {
		return nil, resource.IgnoreNotFound(err)
	}
	id := found.NamespaceId
	if id == nil && found.DnsConfig != nil {
		id = found.DnsConfig.NamespaceId
	}
	if aws.StringValue(id) == "" {
		return nil, nil
	}
	namespace, err := o.recentNamespaces.get(o.now, *id, func() (string, error) {
		namespace, err := o.account.CloudMap.Namespace(ctx, *id)
		if err != nil {
			return "", err
		}
		return aws.StringValue(namespace.Name), nil
	})
	if err != nil {
		return nil, resource.IgnoreNotFound(err)
	}
	return aws.String(aws.StringValue(found.Name) + "." + namespace), nil
}

// List returns the ARNs of the services in a cluster. In a cluster that is nobody's, those of other orgs are left out.
func (o *Observer) List(ctx context.Context, cluster string) ([]string, error) {
	var arns []string
	var home *awsecs.Cluster
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			arns, err = o.account.ECS.ListServices(ctx, cluster)
			return err
		},
		func(ctx context.Context) (err error) {
			home, err = o.homeOf(ctx, cluster)
			return err
		},
	)
	if err != nil || ecs.ToTags(home.Tags).TaggedFor(o.account.Org) {
		return arns, err
	}
	services, err := o.describeOurs(ctx, cluster, arns)
	ours := []string{}
	for _, s := range services {
		ours = append(ours, aws.StringValue(s.ServiceArn))
	}
	return ours, err
}

// ListedService is a service in a list, with its tags.
type ListedService struct {
	*awsecs.Service
	State diagnosis.State
}

// ListAll returns the services in a cluster with their tags.
func (o *Observer) ListAll(ctx context.Context, cluster string) ([]ListedService, error) {
	arns, err := o.List(ctx, cluster)
	if err != nil {
		return nil, err
	}
	services, err := o.describeOurs(ctx, cluster, arns)
	var all []ListedService
	for _, s := range services {
		all = append(all, ListedService{s, diagnosis.StateOf(s)})
	}
	return all, err
}

// describeOurs describes services, and leaves out those that do not exist for our callers.
func (o *Observer) describeOurs(ctx context.Context, cluster string, arns []string) ([]*awsecs.Service, error) {
	services, err := o.account.ECS.Services(ctx, cluster, arns)
	return slices.DeleteFunc(services, func(s *awsecs.Service) bool {
		return !ecs.ToTags(s.Tags).VisibleTo(o.account.Org) || aws.StringValue(s.Status) == "INACTIVE"
	}), err
}

// Events returns a service's events, the newest first: AWS keeps a hundred.
func (o *Observer) Events(ctx context.Context, cluster, name string) ([]*awsecs.ServiceEvent, error) {
	service, err := o.Show(ctx, cluster, name)
	if err != nil {
		return nil, err
	}
	return service.Events, nil
}
