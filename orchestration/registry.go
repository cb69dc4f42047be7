package orchestration

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/servicediscovery"
)

// namespaceOf returns the namespace that a Cloud Map service is asked for in: the seed's requests name it in the DNS settings.
func namespaceOf(in *awscloud.CreateServiceInput) string {
	if in.NamespaceId == nil && in.DnsConfig != nil {
		return aws.StringValue(in.DnsConfig.NamespaceId)
	}
	return aws.StringValue(in.NamespaceId)
}

// readNamespace looks whether the namespace is there.
func (c *creation) readNamespace(ctx context.Context) error {
	namespace, err := c.cloud.Namespace(ctx, namespaceOf(c.in.ServiceRegistry))
	if err == nil {
		c.namespaceARN = aws.StringValue(namespace.Arn)
	}
	return absent(err, "namespace", namespaceOf(c.in.ServiceRegistry))
}

// checkOwner looks whether the namespace is another org's. That takes its ARN, and a round of its own before anything is made would make
// every create slower for it: it is looked at while the rest is made, and that is unmade.
func (c *creation) checkOwner(ctx context.Context) error {
	tags, err := c.cloud.Tags(ctx, c.namespaceARN)
	if err == nil && !tags.BelongsTo(c.account.Org) {
		return theirs("namespace", namespaceOf(c.in.ServiceRegistry))
	}
	return err
}

// readRegistry looks for the registry: the one that is named must be there, the one that is given may have been left by an interrupted request.
func (c *creation) readRegistry(ctx context.Context) error {
	if c.in.ServiceRegistry == nil {
		return c.readNamedRegistries(ctx)
	}
	registry, err := c.registryNamed(ctx, namespaceOf(c.in.ServiceRegistry), aws.StringValue(c.in.ServiceRegistry.Name))
	if err != nil || registry == nil {
		return err
	}
	id := aws.StringValue(registry.Id)
	tags, err := c.cloud.Tags(ctx, aws.StringValue(registry.Arn))
	switch {
	case err != nil:
		return ignoreNotFound(err) // taken down at this moment
	case !tags.BelongsTo(c.account.Org):
		return taken("service registry", aws.StringValue(registry.Name))
	case !tags.OwnedBy(c.account.Org) || !madeFor(tags, c.service):
		return common.Coded(common.CodeNameTaken, "service registry %s (%s) exists and is not service %s's; name it in service.serviceregistries to use it, or choose another name", aws.StringValue(registry.Name), id, c.service)
	}
	c.registryID = id
	return nil
}

// registryNamed returns the registry with the given name in the namespace; nil if there is none.
func (o *Orchestrator) registryNamed(ctx context.Context, namespace, name string) (*awscloud.Service, error) {
	all, err := o.cloud.Services(ctx, namespace)
	if err != nil {
		return nil, err
	}
	for _, summary := range all {
		if !strings.EqualFold(aws.StringValue(summary.Name), name) { // DNS does not tell them apart
			continue
		}
		registry, err := o.cloud.Service(ctx, aws.StringValue(summary.Id))
		if ignoreNotFound(err) != nil {
			return nil, err
		}
		if err == nil {
			return registry, nil
		}
	}
	return nil, nil
}

// readNamedRegistries looks at the registries that the service names.
func (c *creation) readNamedRegistries(ctx context.Context) error {
	_, err := each(c.in.Service.ServiceRegistries, func(r *awsecs.ServiceRegistry) step {
		arn := aws.StringValue(r.RegistryArn)
		return together(
			read(func(ctx context.Context) error {
				registry, err := c.cloud.Service(ctx, nameOf(arn))
				if err == nil && !means(arn, aws.StringValue(registry.Arn)) {
					return theirs("service registry", arn)
				}
				if err == nil && r == c.in.Service.ServiceRegistries[0] {
					c.out.ServiceDiscoveryService = registry
				}
				return absent(err, "service registry", arn)
			}),
			read(func(ctx context.Context) error {
				tags, err := c.cloud.Tags(ctx, arn)
				if err == nil && !tags.BelongsTo(c.account.Org) {
					return theirs("service registry", arn)
				}
				return absent(err, "service registry", arn)
			}),
		)
	})(ctx)
	return err
}

// makeRegistry makes the Cloud Map service. AWS makes one for each call, so after a lost answer it looks before it asks again.
func (c *creation) makeRegistry(ctx context.Context) (undo, error) {
	if c.registryID != "" {
		return c.adoptRegistry(ctx)
	}
	in := *c.in.ServiceRegistry
	in.CreatorRequestId = aws.String(c.id)
	in.Tags = servicediscovery.FromTags(c.tagsFor(servicediscovery.ToTags(in.Tags)))
	if in.HealthCheckCustomConfig == nil && in.HealthCheckConfig == nil {
		in.HealthCheckCustomConfig = &awscloud.HealthCheckCustomConfig{FailureThreshold: aws.Int64(1)}
	}
	const tries = 3
	var made *awscloud.Service
	var err error
	for range tries {
		if made, err = c.cloud.CreateService(ctx, &in); err == nil || !common.Ambiguous(err) {
			break
		}
		if made = c.findRegistry(ctx); made != nil {
			err = nil
			break
		}
	}
	back := func(ctx context.Context) error { return c.undoRegistry(ctx, made) }
	if id := servicediscovery.ExistingID(err); id != "" { // made by another request at the same moment
		c.rival.Store(true)
		return nil, common.Wrapf(err, "the registry %s was made by another request meanwhile", aws.StringValue(in.Name))
	}
	if err != nil {
		return back, err
	}
	c.useRegistry(made)
	return back, nil
}

// adoptRegistry uses the registry that an interrupted request left.
func (c *creation) adoptRegistry(ctx context.Context) (undo, error) {
	registry, err := c.cloud.Service(ctx, c.registryID)
	if err != nil {
		return nil, err
	}
	c.useRegistry(registry)
	tags := c.tagsFor(servicediscovery.ToTags(c.in.ServiceRegistry.Tags))
	return nil, c.cloud.Tag(ctx, aws.StringValue(registry.Arn), tags)
}

// keepRegistry looks whether the registry that the service needs is there.
func (c *creation) keepRegistry(ctx context.Context) error {
	registry := c.out.ServiceDiscoveryService
	err := c.find(ctx, c.registryID == "", func() error {
		_, err := c.cloud.Service(ctx, aws.StringValue(registry.Id))
		return err
	})
	if common.Is(err, common.NotFound) {
		return takenAway("service registry " + aws.StringValue(registry.Name))
	}
	return err
}

// useRegistry makes the registry the service's.
func (c *creation) useRegistry(registry *awscloud.Service) {
	c.out.ServiceDiscoveryService = registry
	use := &awsecs.ServiceRegistry{RegistryArn: registry.Arn}
	if named := c.in.Service.ServiceRegistries; len(named) == 1 && named[0].RegistryArn == nil { // says which container and port
		copied := *named[0]
		copied.RegistryArn = registry.Arn
		use = &copied
	}
	c.registries = []*awsecs.ServiceRegistry{use}
}

// findRegistry returns the registry that this request made, nil if there is none to be found.
func (c *creation) findRegistry(ctx context.Context) *awscloud.Service {
	registry, err := c.registryNamed(ctx, namespaceOf(c.in.ServiceRegistry), aws.StringValue(c.in.ServiceRegistry.Name))
	if err != nil || registry == nil {
		return nil
	}
	if aws.StringValue(registry.CreatorRequestId) != c.id {
		return nil
	}
	return registry
}

// undoRegistry deletes the registry that this request made, if nobody claimed it since. Made is nil where an answer was lost.
func (c *creation) undoRegistry(ctx context.Context, made *awscloud.Service) error {
	if made == nil {
		if made = c.findRegistry(ctx); made == nil {
			return nil
		}
	}
	err := c.deleteRegistry(ctx, aws.StringValue(made.Arn), func() (bool, error) {
		tags, err := c.cloud.Tags(ctx, aws.StringValue(made.Arn))
		if err != nil && (passing(err) || common.Is(err, common.NotFound)) { // made by this request, by its creator request id: tags that cannot be read must not save it
			return true, nil
		}
		return c.mine(tags), err
	})
	return common.Wrapf(err, "service registry %s (%s)", aws.StringValue(made.Name), aws.StringValue(made.Id))
}

// deleteRegistry deletes a Cloud Map service once the instances in it have left, as long as it is wanted: somebody may claim it meanwhile.
// One that is gone is fine.
func (o *Orchestrator) deleteRegistry(ctx context.Context, arn string, wanted func() (bool, error)) error {
	return o.pace.Retry(ctx, func() error {
		if ok, err := wanted(); err != nil || !ok {
			return ignoreNotFound(err)
		}
		return ignoreNotFound(o.cloud.DeleteService(ctx, arn))
	}, common.RegistryInUse)
}
