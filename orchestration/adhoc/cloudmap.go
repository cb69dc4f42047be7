package adhoc

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/servicediscovery"
)

// CloudMap are an account's Cloud Map services.
type CloudMap struct{ base }

// cloudMapWord is what messages call a Cloud Map service.
var cloudMapWord = resource.KindCloudMapService.Word()

// cloudMapID is what Cloud Map allows as the id of a service.
var cloudMapID = common.NewPattern(64, `^[A-Za-z0-9_-]+$`)

// List returns the Cloud Map services of all namespaces. What another org created minutes ago may be among them; see hidden.
func (m CloudMap) List(ctx context.Context) ([]*awscloud.ServiceSummary, error) {
	var all []*awscloud.ServiceSummary
	var hidden map[string]bool
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			all, err = m.account.CloudMap.Services(ctx, "")
			return err
		},
		func(ctx context.Context) (err error) {
			hidden, err = m.hidden(ctx, "servicediscovery:service")
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(s *awscloud.ServiceSummary) bool { return hidden[aws.StringValue(s.Arn)] }), nil
}

// Show returns a Cloud Map service, by its id or ARN.
func (m CloudMap) Show(ctx context.Context, ref string) (*awscloud.Service, error) {
	id, err := account.Resource("id", ref, "servicediscovery", "service")
	if err != nil {
		return nil, err
	}
	if !cloudMapID.MatchString(id) {
		return nil, common.Invalid(common.FieldError{Field: "id", Detail: "must be the id of a " + cloudMapWord + ", such as srv-e4anhexample0004, or its ARN"})
	}
	found, err := m.account.CloudMap.Service(ctx, id)
	if err != nil {
		return nil, account.Hide(err, cloudMapWord, id)
	}
	if !account.Means(ref, aws.StringValue(found.Arn)) {
		return nil, account.NoSuch(cloudMapWord, id)
	}
	return found, m.checkOrg(ctx, cloudMapWord, id, found.Arn)
}

// checkOrg returns NotFound if what has the ARN is another org's.
func (m CloudMap) checkOrg(ctx context.Context, kind, id string, arn *string) error {
	tags, err := m.account.CloudMap.Tags(ctx, aws.StringValue(arn))
	if err == nil && !tags.VisibleTo(m.account.Org) {
		err = account.NoSuch(kind, id)
	}
	return err
}

// Delete deletes a Cloud Map service, by its id or ARN; a Conflict if instances are registered in it.
func (m CloudMap) Delete(ctx context.Context, ref string) error {
	found, err := m.Show(ctx, ref)
	if err != nil {
		return err
	}
	id := aws.StringValue(found.Id)
	instances, err := m.account.CloudMap.Instances(ctx, id) // Cloud Map refuses too, but does not say how many
	if err != nil {
		return err
	}
	if len(instances) > 0 {
		return common.Coded(common.CodeInUse, "%s %s (%s) has %d instances; delete the ECS service that registers them, and retry when its tasks have stopped",
			cloudMapWord, aws.StringValue(found.Name), id, len(instances))
	}
	return m.account.CloudMap.DeleteService(ctx, id)
}

// Create creates a Cloud Map service; a Conflict if the namespace has one of that name.
func (m CloudMap) Create(ctx context.Context, in *awscloud.CreateServiceInput) (*awscloud.Service, error) {
	name, namespace, tags := aws.StringValue(in.Name), resource.NamespaceOf(in), servicediscovery.ToTags(in.Tags)
	if err := m.Check(in).Err(); err != nil {
		return nil, err
	}
	err := common.Concurrently(ctx,
		func(ctx context.Context) error { return m.checkNamespace(ctx, namespace) },
		func(ctx context.Context) error { return m.free(ctx, namespace, name) },
	)
	if err != nil {
		return nil, err
	}
	r := m.request("")
	thing := &resource.CloudMapService{Account: m.account, Service: name, Namespace: namespace, Input: in, CreatorID: resource.NewID(), Owner: r.Owner}
	item := &resource.Item{Thing: thing, Tags: m.tagsFor(ctx, r, tags)}
	if err := m.transactions.RunUnlocked(ctx, name, r, r.Ensure(item)); err != nil {
		if common.ResponseCode(err) == common.CodeNameTaken {
			err = common.Coded(common.CodeAlreadyExists, "%s %s already exists in namespace %s: another request created it meanwhile", cloudMapWord,
				name, namespace)
		}
		return nil, err
	}
	return resource.ValueOf[*awscloud.Service](item.Now), nil
}

// Check returns what is wrong with a new Cloud Map service, as far as that can be decided without AWS.
func (m CloudMap) Check(in *awscloud.CreateServiceInput) common.Problems {
	var p common.Problems
	if aws.StringValue(in.Name) == "" {
		p.Add("name", "is required")
	}
	if resource.NamespaceOf(in) == "" {
		p.Add("namespaceid", "is required: the namespace to create the service in")
	}
	p = append(p, servicediscovery.ToTags(in.Tags).Validate("tags", m.account.Org)...)
	p.AddSDK("", in)
	return p
}

// checkNamespace returns NotFound unless the namespace exists for our callers.
func (m CloudMap) checkNamespace(ctx context.Context, id string) error {
	namespace, err := m.account.CloudMap.Namespace(ctx, id)
	if err != nil {
		return account.Hide(err, "namespace", id)
	}
	return m.checkOrg(ctx, "namespace", id, namespace.Arn)
}

// free returns an error if the namespace has a service of that name. Cloud Map refuses too, but does not say whether the other service is one
// that our callers may see.
func (m CloudMap) free(ctx context.Context, namespace, name string) error {
	found, err := resource.CloudMapServiceNamed(ctx, m.account, namespace, name)
	if err != nil || found == nil {
		return resource.IgnoreNotFound(err) // a namespace that is not there is for checkNamespace to tell
	}
	id := aws.StringValue(found.Id)
	switch err := m.checkOrg(ctx, cloudMapWord, id, found.Arn); {
	case common.Is(err, common.NotFound):
		return account.NameTaken(cloudMapWord, name)
	case err != nil:
		return err
	}
	return common.Coded(common.CodeAlreadyExists, "%s %s already exists in namespace %s: %s", cloudMapWord, name, namespace, id)
}
