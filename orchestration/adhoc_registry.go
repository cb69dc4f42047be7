package orchestration

import (
	"context"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/google/uuid"

	"ecs-api/common"
	"ecs-api/servicediscovery"
)

// registryID is what Cloud Map allows as the id of a service.
var registryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Registries returns the Cloud Map services of all namespaces. What another org made minutes ago may be among them; see hidden.
func (o *Orchestrator) Registries(ctx context.Context) ([]*awscloud.ServiceSummary, error) {
	var all []*awscloud.ServiceSummary
	var hidden map[string]bool
	_, err := together(
		read(func(ctx context.Context) (err error) {
			all, err = o.cloud.Services(ctx, "")
			return err
		}),
		read(func(ctx context.Context) (err error) {
			hidden, err = o.hidden(ctx, "servicediscovery:service")
			return err
		}),
	)(ctx)
	return slices.DeleteFunc(all, func(s *awscloud.ServiceSummary) bool { return hidden[aws.StringValue(s.Arn)] }), err
}

// Registry returns a Cloud Map service, by its id or ARN.
func (o *Orchestrator) Registry(ctx context.Context, ref string) (*awscloud.Service, error) {
	id, err := resource("id", ref, "servicediscovery", "service")
	if err != nil {
		return nil, err
	}
	if !registryID.MatchString(id) {
		return nil, common.Invalid(common.FieldError{Field: "id", Detail: "must be the id of a service discovery service, such as srv-e4anhexample0004, or its ARN"})
	}
	registry, err := o.cloud.Service(ctx, id)
	if err != nil {
		return nil, absent(err, "service discovery service", id)
	}
	if !means(ref, aws.StringValue(registry.Arn)) {
		return nil, theirs("service discovery service", id)
	}
	return registry, o.checkRegistry(ctx, registry)
}

// checkRegistry returns NotFound if the registry is another org's.
func (o *Orchestrator) checkRegistry(ctx context.Context, registry *awscloud.Service) error {
	tags, err := o.cloud.Tags(ctx, aws.StringValue(registry.Arn))
	if err == nil && !tags.BelongsTo(o.account.Org) {
		err = theirs("service discovery service", aws.StringValue(registry.Id))
	}
	return err
}

// DeleteRegistry deletes a Cloud Map service, by its id or ARN; a Conflict if instances are registered in it.
func (o *Orchestrator) DeleteRegistry(ctx context.Context, ref string) error {
	registry, err := o.Registry(ctx, ref)
	if err != nil {
		return err
	}
	id := aws.StringValue(registry.Id)
	instances, err := o.cloud.Instances(ctx, id) // Cloud Map refuses too; moto 5.2.1 does not
	if err != nil {
		return err
	}
	if len(instances) > 0 {
		return common.Coded(common.CodeInUse, "service discovery service %s (%s) has %d instances; delete the ECS service that registers them, and retry when its tasks have stopped",
			aws.StringValue(registry.Name), id, len(instances))
	}
	return o.cloud.DeleteService(ctx, id)
}

// CreateRegistry makes a Cloud Map service; a Conflict if the namespace has one of that name.
func (o *Orchestrator) CreateRegistry(ctx context.Context, in *awscloud.CreateServiceInput) (*awscloud.Service, error) {
	name, namespace, tags := aws.StringValue(in.Name), namespaceOf(in), servicediscovery.ToTags(in.Tags)
	var p problems
	if name == "" {
		p.add("name", "is required")
	}
	if namespace == "" {
		p.add("namespaceid", "is required: the namespace to make the service in")
	}
	p = append(p, tags.Validate("tags", o.account.Org)...)
	if err := common.Invalid(p...); err != nil {
		return nil, err
	}
	_, err := together(
		read(func(ctx context.Context) error { return o.checkNamespace(ctx, namespace) }),
		read(func(ctx context.Context) error { return o.checkRegistryName(ctx, namespace, name) }),
	)(ctx)
	if err != nil {
		return nil, err
	}
	out := *in
	out.CreatorRequestId = aws.String(uuid.NewString())
	out.Tags = servicediscovery.FromTags(o.ownTags(tags).With(adhocRequest()))
	var made *awscloud.Service
	err = o.run(ctx, name, func(ctx context.Context) (back undo, err error) {
		made, back, err = o.makeAdhocRegistry(ctx, &out)
		return back, err
	})
	return made, err
}

// checkNamespace returns NotFound unless the namespace is there for our callers.
func (o *Orchestrator) checkNamespace(ctx context.Context, id string) error {
	namespace, err := o.cloud.Namespace(ctx, id)
	if err != nil {
		return absent(err, "namespace", id)
	}
	tags, err := o.cloud.Tags(ctx, aws.StringValue(namespace.Arn))
	if err == nil && !tags.BelongsTo(o.account.Org) {
		err = theirs("namespace", id)
	}
	return err
}

// checkRegistryName returns an error if the namespace has a service of that name. Cloud Map refuses too, but does
// not say whether the other service is one that our callers may see.
func (o *Orchestrator) checkRegistryName(ctx context.Context, namespace, name string) error {
	registry, err := o.registryNamed(ctx, namespace, name)
	if err != nil || registry == nil {
		return ignoreNotFound(err) // a namespace that is not there is for checkNamespace to tell
	}
	switch err := o.checkRegistry(ctx, registry); {
	case common.Is(err, common.NotFound):
		return taken("service discovery service", name)
	case err != nil:
		return err
	}
	return common.Coded(common.CodeAlreadyExists, "service discovery service %s already exists in namespace %s: %s", name, namespace, aws.StringValue(registry.Id))
}

// makeAdhocRegistry makes a Cloud Map service. After a lost answer it looks for it before it asks again.
func (o *Orchestrator) makeAdhocRegistry(ctx context.Context, in *awscloud.CreateServiceInput) (made *awscloud.Service, back undo, err error) {
	const tries = 3
	for range tries {
		if made, err = o.cloud.CreateService(ctx, in); err == nil || !common.Ambiguous(err) {
			return made, nil, err
		}
		if found, lookErr := o.findAdhocRegistry(ctx, in); lookErr == nil && found != nil {
			return found, nil, nil
		}
	}
	return nil, func(ctx context.Context) error {
		found, err := o.findAdhocRegistry(ctx, in)
		if err == nil && found != nil {
			err = ignoreNotFound(o.cloud.DeleteService(ctx, aws.StringValue(found.Id)))
		}
		return common.Wrapf(err, "perhaps service discovery service %s", aws.StringValue(in.Name))
	}, err
}

// findAdhocRegistry returns the service that the request with in's id made; nil if it made none.
func (o *Orchestrator) findAdhocRegistry(ctx context.Context, in *awscloud.CreateServiceInput) (*awscloud.Service, error) {
	registry, err := o.registryNamed(ctx, namespaceOf(in), aws.StringValue(in.Name))
	if err != nil || registry == nil || aws.StringValue(registry.CreatorRequestId) != aws.StringValue(in.CreatorRequestId) {
		return nil, err
	}
	return registry, nil
}
