package show

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/diagnosis"
	"ecs-api/orchestration/resource"
)

// View is a service with what belongs to it.
type View struct {
	*awsecs.Service
	Cluster         *awsecs.Cluster        // the object
	TaskDefinition  *awsecs.TaskDefinition // the object
	Tasks           []string               // ids of the running and the stopped ones that AWS still knows
	ServiceEndpoint *string                // its name in service discovery: name.namespace
	State           diagnosis.State
}

// Show returns a service with its tags.
func (r *Reader) Show(ctx context.Context, cluster, name string) (*awsecs.Service, error) {
	service, _, err := r.show(ctx, cluster, name)
	return service, err
}

// show returns a service and its cluster, in one round. What belongs to another org, or is gone, is NotFound.
func (r *Reader) show(ctx context.Context, cluster, name string) (service *awsecs.Service, home *awsecs.Cluster, err error) {
	err = common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			home, err = r.homeOf(ctx, cluster)
			if common.Is(err, common.NotFound) {
				return account.NoClusterFor(cluster, name)
			}
			return err
		},
		func(ctx context.Context) (err error) {
			service, err = r.account.ECS.Service(ctx, cluster, name)
			if common.Is(err, common.NotFound) {
				return account.NoService(cluster, name)
			}
			return err
		},
	)
	switch {
	case err != nil:
		return nil, nil, err
	case !ecs.ToTags(service.Tags).VisibleTo(r.account.Org) || aws.StringValue(service.Status) == "INACTIVE":
		return nil, nil, account.NoService(cluster, name)
	}
	return service, home, nil
}

// homeOf returns a cluster that exists for our callers.
func (r *Reader) homeOf(ctx context.Context, name string) (*awsecs.Cluster, error) {
	cluster, err := r.account.ECS.Cluster(ctx, name)
	if common.Is(err, common.NotFound) || err == nil && (!ecs.ToTags(cluster.Tags).VisibleTo(r.account.Org) || aws.StringValue(cluster.Status) == "INACTIVE") {
		return nil, common.Errorf(common.NotFound, "there is no cluster %s", name)
	}
	return cluster, err
}

// ShowAll returns a service with what belongs to it, in three rounds. With fresh the tasks are listed anew, however long AWS's rates let that take; without it, a
// list that is known to be still true will do where they have no room for a new one.
func (r *Reader) ShowAll(ctx context.Context, cluster, name string, fresh bool) (*View, error) {
	at, view := target{cluster, name}, &View{}
	var tasks taskList
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			view.Service, view.Cluster, err = r.show(ctx, cluster, name)
			return err
		},
		func(ctx context.Context) (err error) {
			tasks, err = r.listNow(ctx, at)
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	oldest := r.lastSeen.see(at, view.Service, r.now())
	if fresh {
		oldest = 0
	}
	if err := r.readRest(ctx, at, view, &tasks, oldest); err != nil {
		return nil, err
	}
	view.Tasks, view.State = tasks.ids(), diagnosis.StateOf(view.Service)
	return view, nil
}

// definitionOf returns a task definition; nil if it is not there any more.
func (r *Reader) definitionOf(ctx context.Context, arn string) (*awsecs.TaskDefinition, error) {
	revision, err := r.account.RevisionCache.Revision(ctx, arn)
	if err != nil {
		return nil, resource.IgnoreNotFound(err)
	}
	return revision.TaskDefinition, nil
}

// endpointOf returns the service's name in service discovery, name.namespace; nil if it has none.
func (r *Reader) endpointOf(ctx context.Context, at target, service *awsecs.Service) (*string, error) {
	if len(service.ServiceRegistries) == 0 {
		return nil, nil
	}
	arn := aws.StringValue(service.ServiceRegistries[0].RegistryArn)
	return r.recentEndpoints.get(r.now, keyOf(at, arn), func() (*string, error) { return r.readEndpoint(ctx, arn) })
}

// readEndpoint returns the name of a Cloud Map service, name.namespace; nil if it is not there.
func (r *Reader) readEndpoint(ctx context.Context, arn string) (*string, error) {
	found, err := r.account.CloudMap.Service(ctx, arn)
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
	namespace, err := r.recentNamespaces.get(r.now, *id, func() (string, error) {
		namespace, err := r.account.CloudMap.Namespace(ctx, *id)
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

// Events returns a service's events, the newest first: AWS keeps a hundred.
func (r *Reader) Events(ctx context.Context, cluster, name string) ([]*awsecs.ServiceEvent, error) {
	service, err := r.Show(ctx, cluster, name)
	if err != nil {
		return nil, err
	}
	return service.Events, nil
}
