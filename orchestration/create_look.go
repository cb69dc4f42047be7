package orchestration

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/space"
)

// createFound is what a create found when it looked.
type createFound struct {
	space    space.Found
	service  *awsecs.Service                      // nil if there is none, or it is not ACTIVE
	revision *awsecs.DescribeTaskDefinitionOutput // the one that the service names, or the newest of the family that is given; nil if there is none
	cloudMap *resource.State                      // of the name that is given
	named    []*namedCloudMap                     // those that the service names
	secrets  []*resource.State                    // that a named revision refers to
	// The namespace of the Cloud Map service that is given.
	namespaceTags common.Tags
	namespaceARN  string // whose tags are still to be read; empty where namespaceTags has them
	noNamespace   bool
}

// namedCloudMap is a Cloud Map service that the request names.
type namedCloudMap struct {
	ref     string
	service *awscloud.Service
	tags    common.Tags
}

// look reads everything that the create depends on, in one round of concurrent calls. It changes nothing.
func (c *creation) look(ctx context.Context) (*createFound, error) {
	f := &createFound{}
	read := func(name string, do func(context.Context, *createFound) error) saga.Step {
		return saga.Named("read "+name, saga.NoRollback(func(ctx context.Context) error { return do(ctx, f) }))
	}
	steps := append(c.space.Look(&f.space, false), read("service", c.lookService), read("task definition", c.lookRevision))
	if c.in.ServiceRegistry == nil {
		steps = append(steps, saga.When(len(c.in.Service.ServiceRegistries) > 0, read("Cloud Map services", c.lookNamedCloudMap)))
	} else {
		steps = append(steps, read("Cloud Map service", c.lookCloudMap), read("namespace", c.lookNamespace))
	}
	_, err := saga.Together(steps...)(ctx)
	return f, err
}

// secondLooks are the pauses after which a service is looked at again that is there: it may have been deleted a moment ago, by another server, and ECS shows
// that late.
var secondLooks = []time.Duration{250 * time.Millisecond, 750 * time.Millisecond}

// lookService looks for a service of the name, which the request creates. One that is there is the request's own, by its Idempotency-Key, or is looked at
// again.
func (c *creation) lookService(ctx context.Context, f *createFound) (err error) {
	f.service, err = c.activeService(ctx)
	for _, pause := range secondLooks {
		if err != nil || f.service == nil {
			break
		}
		if same, keyErr := resource.KeyOf(ctx).Find(ecs.ToTags(f.service.Tags)); same || keyErr != nil {
			break
		}
		if err = common.Sleep(ctx, c.o.account.Backoff.Scaled(pause)); err == nil {
			f.service, err = c.activeService(ctx)
		}
	}
	return err
}

// activeService returns the service that ECS shows as ACTIVE; nil if it is DRAINING or INACTIVE, as the name is free then, or will be, and if this server has
// deleted it.
func (c *creation) activeService(ctx context.Context) (*awsecs.Service, error) {
	service, err := c.o.account.ECS.Service(ctx, c.cluster, c.service)
	if err != nil {
		return nil, resource.IgnoreNotFound(err)
	}
	if aws.StringValue(service.Status) != resource.StatusActive || c.o.transactions.Deleted.Has(c.cluster, c.service, service) {
		return nil, nil
	}
	return service, nil
}

// lookRevision reads the revision that the service names, with the secrets that it refers to; or the newest revision of the family that the request gives.
func (c *creation) lookRevision(ctx context.Context, f *createFound) (err error) {
	name := aws.StringValue(c.in.Service.TaskDefinition)
	if c.in.TaskDefinition != nil {
		name = aws.StringValue(c.in.TaskDefinition.Family)
	}
	f.revision, err = c.o.account.ECS.TaskDefinition(ctx, name)
	if err != nil || c.in.TaskDefinition != nil {
		return resource.IgnoreNotFound(err)
	}
	f.secrets, err = space.ReferencedSecrets(ctx, c.o.account, c.cluster, f.revision.TaskDefinition.ContainerDefinitions)
	return err
}

// lookCloudMap reads the Cloud Map service of the name that the request gives: an interrupted request may have left it.
func (c *creation) lookCloudMap(ctx context.Context, f *createFound) (err error) {
	f.cloudMap, err = c.cloudMap().Find(ctx)
	return resource.IgnoreNotFound(err) // lookNamespace reports a namespace that does not exist
}

// lookNamespace reads which org the namespace belongs to, from its tags. To read tags we need the ARN, and to compute the ARN we need our AWS account's id,
// which a server learns in its first request. That request reads the tags together with its first changes: a round of its own would make it slower.
func (c *creation) lookNamespace(ctx context.Context, f *createFound) error {
	id := resource.NamespaceOf(c.in.ServiceRegistry)
	readTags := func(ctx context.Context, arn string) (err error) {
		f.namespaceTags, err = c.o.account.CloudMap.Tags(ctx, arn)
		return resource.IgnoreNotFound(err)
	}
	who, known := c.o.account.KnownIdentity()
	exists := func(ctx context.Context) error {
		namespace, err := c.o.account.CloudMap.Namespace(ctx, id)
		if err == nil && !known {
			f.namespaceARN = aws.StringValue(namespace.Arn)
		}
		f.noNamespace = err != nil
		return resource.IgnoreNotFound(err)
	}
	if known {
		return common.Concurrently(ctx, exists, func(ctx context.Context) error {
			return readTags(ctx, who.ARN("servicediscovery", c.o.account.Region, "namespace/"+id))
		})
	}
	return exists(ctx)
}

// checkNamespace returns the step that reads which org the namespace belongs to, if look could not.
func (c *creation) checkNamespace(arn string) saga.Step {
	return saga.NoRollback(func(ctx context.Context) error {
		tags, err := c.o.account.CloudMap.Tags(ctx, arn)
		if err == nil && !tags.VisibleTo(c.o.account.Org) {
			err = account.NoSuch("namespace", resource.NamespaceOf(c.in.ServiceRegistry))
		}
		return err
	})
}

// lookNamedCloudMap reads the Cloud Map services that the service names.
func (c *creation) lookNamedCloudMap(ctx context.Context, f *createFound) error {
	f.named = make([]*namedCloudMap, len(c.in.Service.ServiceRegistries))
	var reads []func(context.Context) error
	for i, r := range c.in.Service.ServiceRegistries {
		named := &namedCloudMap{ref: aws.StringValue(r.RegistryArn)}
		f.named[i] = named
		reads = append(reads,
			func(ctx context.Context) (err error) {
				named.service, err = c.o.account.CloudMap.Service(ctx, account.NameOf(named.ref))
				return resource.IgnoreNotFound(err)
			},
			func(ctx context.Context) (err error) {
				named.tags, err = c.o.account.CloudMap.Tags(ctx, named.ref)
				return resource.IgnoreNotFound(err)
			})
	}
	return common.Concurrently(ctx, reads...)
}

// revisionTags returns the tags of the revision that was found.
func (f *createFound) revisionTags() common.Tags {
	if f.revision == nil {
		return nil
	}
	return ecs.ToTags(f.revision.Tags)
}
