package resource

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	awscloud "github.com/aws/aws-sdk-go/service/servicediscovery"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/servicediscovery"
)

// CloudMapService is the adapter of a Cloud Map service.
type CloudMapService struct {
	Account   *account.Account
	Service   string // its name in the namespace
	Namespace string // its id
	ARN       string // if it is known
	Input     *awscloud.CreateServiceInput
	CreatorID string // the request's id, which AWS keeps with what the request creates
	Owner     string // the request's ownership tag
}

// Kind implements Thing.
func (s *CloudMapService) Kind() Kind { return KindCloudMapService }

// Name is the service's name in its namespace, or its id.
func (s *CloudMapService) Name() string {
	if s.Service == "" {
		return account.NameOf(s.ARN)
	}
	return s.Service
}

// Traits says that AWS creates a new service for each call.
func (s *CloudMapService) Traits() Traits {
	return Traits{CreateNotIdempotent: true, RetryDelete: []common.Retryable{common.CloudMapServiceInUse},
		TakenHint: "name it in service.serviceregistries to use it, or choose another name"}
}

// Find returns the service with its tags: by its ARN if that is known, else by its name.
func (s *CloudMapService) Find(ctx context.Context) (*State, error) {
	var found *awscloud.Service
	var err error
	if s.ARN != "" {
		found, err = s.Account.CloudMap.Service(ctx, s.ARN)
		err = IgnoreNotFound(err)
	} else {
		found, err = CloudMapServiceNamed(ctx, s.Account, s.Namespace, s.Service)
	}
	if err != nil || found == nil {
		return nil, err
	}
	tags, err := s.Account.CloudMap.Tags(ctx, aws.StringValue(found.Arn))
	switch {
	case err != nil && s.CreatorID != "" && aws.StringValue(found.CreatorRequestId) == s.CreatorID:
		// This request created it, so the rollback must delete it even if AWS does not let us read the tags.
		return &State{ID: aws.StringValue(found.Arn), Tags: common.Tags{{Key: common.TagRequest, Value: s.Owner}}, Value: found, TagsUnread: true}, nil
	case err != nil:
		return nil, IgnoreNotFound(err) // deleted at this moment
	}
	return &State{ID: aws.StringValue(found.Arn), Tags: tags, Value: found}, nil
}

// CloudMapServiceNamed returns the Cloud Map service with the given name in the namespace; nil if there is none.
func CloudMapServiceNamed(ctx context.Context, a *account.Account, namespace, name string) (*awscloud.Service, error) {
	all, err := a.CloudMap.Services(ctx, namespace)
	if err != nil {
		return nil, err
	}
	for _, summary := range all {
		if !strings.EqualFold(aws.StringValue(summary.Name), name) { // DNS does not tell them apart
			continue
		}
		found, err := a.CloudMap.Service(ctx, aws.StringValue(summary.Id))
		if err != nil {
			return nil, IgnoreNotFound(err)
		}
		return found, nil
	}
	return nil, nil
}

// NamespaceOf returns the namespace in which a request wants a Cloud Map service. Requests of the older Spinup API name it in the DNS settings.
func NamespaceOf(in *awscloud.CreateServiceInput) string {
	if in.NamespaceId == nil && in.DnsConfig != nil {
		return aws.StringValue(in.DnsConfig.NamespaceId)
	}
	return aws.StringValue(in.NamespaceId)
}

// Create creates the service.
func (s *CloudMapService) Create(ctx context.Context, tags common.Tags) (*State, error) {
	in := *s.Input
	in.CreatorRequestId = aws.String(s.CreatorID)
	in.Tags = servicediscovery.FromTags(tags)
	created, err := s.Account.CloudMap.CreateService(ctx, &in)
	if err != nil {
		s.ARN = servicediscovery.ExistingID(err) // of the service that exists, so that Find need not list the namespace
		return nil, err
	}
	s.ARN = aws.StringValue(created.Arn)
	return &State{ID: s.ARN, Tags: tags, Value: created}, nil
}

// SetTags implements Thing.
func (s *CloudMapService) SetTags(ctx context.Context, st *State, set common.Tags, remove []string) error {
	return setTags(ctx, st.ID, set, remove, s.Account.CloudMap.Tag, s.Account.CloudMap.Untag)
}

// Delete deletes the service. AWS refuses that while instances are registered in it.
func (s *CloudMapService) Delete(ctx context.Context, st *State) error {
	return s.Account.CloudMap.DeleteService(ctx, st.ID)
}

// Deregister deregisters the instances that ECS has left in the service.
func (s *CloudMapService) Deregister(ctx context.Context, arn string) error {
	instances, err := s.Account.CloudMap.Instances(ctx, arn)
	if err != nil {
		return IgnoreNotFound(err)
	}
	for _, instance := range instances {
		if err := s.Account.CloudMap.DeregisterInstance(ctx, arn, instance); IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}
