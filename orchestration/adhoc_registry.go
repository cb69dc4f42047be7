package orchestration

import (
	"context"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"
	"github.com/google/uuid"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/servicediscovery"
)

// registryID is what Cloud Map allows as the id of a service.
var registryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Registries returns the Cloud Map services of all namespaces. What another org made minutes ago may be among them; see hidden.
func (o *Orchestrator) Registries(ctx context.Context) ([]*awscloud.ServiceSummary, error) {
	var all []*awscloud.ServiceSummary
	var hidden map[string]bool
	_, err := saga.Together(
		saga.Do(func(ctx context.Context) (err error) {
			all, err = o.account.CloudMap.Services(ctx, "")
			return err
		}),
		saga.Do(func(ctx context.Context) (err error) {
			hidden, err = o.hidden(ctx, "servicediscovery:service")
			return err
		}),
	)(ctx)
	return slices.DeleteFunc(all, func(s *awscloud.ServiceSummary) bool { return hidden[aws.StringValue(s.Arn)] }), err
}

// Registry returns a Cloud Map service, by its id or ARN.
func (o *Orchestrator) Registry(ctx context.Context, ref string) (*awscloud.Service, error) {
	id, err := account.Resource("id", ref, "servicediscovery", "service")
	if err != nil {
		return nil, err
	}
	if !registryID.MatchString(id) {
		return nil, common.Invalid(common.FieldError{Field: "id", Detail: "must be the id of a service discovery service, such as srv-e4anhexample0004, or its ARN"})
	}
	registry, err := o.account.CloudMap.Service(ctx, id)
	if err != nil {
		return nil, account.Hide(err, "service discovery service", id)
	}
	if !account.Means(ref, aws.StringValue(registry.Arn)) {
		return nil, account.NoSuch("service discovery service", id)
	}
	return registry, o.checkRegistry(ctx, registry)
}

// checkRegistry returns NotFound if the registry is another org's.
func (o *Orchestrator) checkRegistry(ctx context.Context, registry *awscloud.Service) error {
	tags, err := o.account.CloudMap.Tags(ctx, aws.StringValue(registry.Arn))
	if err == nil && !tags.BelongsTo(o.account.Org) {
		err = account.NoSuch("service discovery service", aws.StringValue(registry.Id))
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
	instances, err := o.account.CloudMap.Instances(ctx, id) // Cloud Map refuses too; moto 5.2.1 does not
	if err != nil {
		return err
	}
	if len(instances) > 0 {
		return common.Coded(common.CodeInUse, "service discovery service %s (%s) has %d instances; delete the ECS service that registers them, and retry when its tasks have stopped",
			aws.StringValue(registry.Name), id, len(instances))
	}
	return o.account.CloudMap.DeleteService(ctx, id)
}

// CreateRegistry makes a Cloud Map service; a Conflict if the namespace has one of that name.
func (o *Orchestrator) CreateRegistry(ctx context.Context, in *awscloud.CreateServiceInput) (*awscloud.Service, error) {
	name, namespace, tags := aws.StringValue(in.Name), resource.NamespaceOf(in), servicediscovery.ToTags(in.Tags)
	var p common.Problems
	if name == "" {
		p.Add("name", "is required")
	}
	if namespace == "" {
		p.Add("namespaceid", "is required: the namespace to make the service in")
	}
	p = append(p, tags.Validate("tags", o.account.Org)...)
	if err := common.Invalid(p...); err != nil {
		return nil, err
	}
	_, err := saga.Together(
		saga.Do(func(ctx context.Context) error { return o.checkNamespace(ctx, namespace) }),
		saga.Do(func(ctx context.Context) error { return o.checkRegistryName(ctx, namespace, name) }),
	)(ctx)
	if err != nil {
		return nil, err
	}
	request := adhocRequest()
	thing := &resource.CloudMapService{Account: o.account, Service: name, Namespace: namespace, Input: in, CreatorID: uuid.NewString(), Owner: request.Value}
	it := &resource.Item{Thing: thing, Tags: o.adhocTags(tags).With(request)}
	r := o.adhocRequestFor("", request)
	err = o.tx.Alone(ctx, name, r, r.Ensure(it))
	return resource.ValueOf[*awscloud.Service](it.Now), err
}

// checkNamespace returns NotFound unless the namespace is there for our callers.
func (o *Orchestrator) checkNamespace(ctx context.Context, id string) error {
	namespace, err := o.account.CloudMap.Namespace(ctx, id)
	if err != nil {
		return account.Hide(err, "namespace", id)
	}
	tags, err := o.account.CloudMap.Tags(ctx, aws.StringValue(namespace.Arn))
	if err == nil && !tags.BelongsTo(o.account.Org) {
		err = account.NoSuch("namespace", id)
	}
	return err
}

// checkRegistryName returns an error if the namespace has a service of that name. Cloud Map refuses too, but does
// not say whether the other service is one that our callers may see.
func (o *Orchestrator) checkRegistryName(ctx context.Context, namespace, name string) error {
	registry, err := resource.CloudMapServiceNamed(ctx, o.account, namespace, name)
	if err != nil || registry == nil {
		return resource.IgnoreNotFound(err) // a namespace that is not there is for checkNamespace to tell
	}
	switch err := o.checkRegistry(ctx, registry); {
	case common.Is(err, common.NotFound):
		return account.NameTaken("service discovery service", name)
	case err != nil:
		return err
	}
	return common.Coded(common.CodeAlreadyExists, "service discovery service %s already exists in namespace %s: %s", name, namespace, aws.StringValue(registry.Id))
}
