package resource

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
)

// Service is the adapter of an ECS service.
type Service struct {
	Account *account.Account
	Cluster string
	Service string
	// Input returns what is created. It is called once the things that it refers to are there.
	Input func() *awsecs.CreateServiceInput
	// ClusterIsNew says that the cluster was created a moment ago.
	ClusterIsNew bool
	// OnDraining is called when a service of the same name is still draining.
	OnDraining func()
	// OnDeleted is called with the service once it is deleted.
	OnDeleted func(*awsecs.Service)
}

// Kind implements Thing.
func (s *Service) Kind() Kind { return KindService }

// Name implements Thing.
func (s *Service) Name() string { return s.Service }

// Traits says what ECS refuses for now.
func (s *Service) Traits() Traits {
	creates := []common.Retryable{common.ServiceLinkedRole, common.Draining, common.CloudMapServiceNotVisible}
	if s.ClusterIsNew {
		creates = append(creates, common.ClusterNotVisible)
	}
	return Traits{NeverAdopted: true, RetryCreate: creates, RetryDelete: []common.Retryable{common.Deploying, common.ServiceNotVisible}}
}

// Find returns the service while it is ACTIVE.
func (s *Service) Find(ctx context.Context) (*State, error) {
	service, err := s.Account.ECS.Service(ctx, s.Cluster, s.Service)
	if err != nil {
		return nil, IgnoreNotFound(err)
	}
	if aws.StringValue(service.Status) != StatusActive {
		return nil, nil
	}
	return ServiceState(service), nil
}

// ServiceState returns the state of a service.
func ServiceState(service *awsecs.Service) *State {
	return &State{ID: aws.StringValue(service.ServiceArn), Tags: ecs.ToTags(service.Tags), Value: service}
}

// Gone returns a service as it is once it is deleted and its tasks have stopped, where ECS does not show it any more.
func Gone(service *awsecs.Service) *awsecs.Service {
	gone := *service
	gone.Status, gone.DesiredCount, gone.RunningCount, gone.PendingCount = aws.String(StatusInactive), new(int64), new(int64), new(int64)
	return &gone
}

// IsAnother reports whether now, which ECS shows as ACTIVE under the name of a service that was deleted, is another one, created since. It may also be the deleted
// one, as reads are eventually consistent: a service that is created again has a creation time of its own, but the same ARN.
func IsAnother(now, deleted *awsecs.Service) bool {
	return aws.StringValue(now.Status) == StatusActive && !aws.TimeValue(now.CreatedAt).Equal(aws.TimeValue(deleted.CreatedAt))
}

// Create creates the service. Its client token is the request's own: of two requests at once ECS creates one service, and refuses the other.
func (s *Service) Create(ctx context.Context, tags common.Tags) (*State, error) {
	in := *s.Input()
	in.Tags = ecs.FromTags(tags)
	created, err := s.Account.ECS.CreateService(ctx, &in)
	switch {
	case common.Draining.Is(err):
		if s.OnDraining != nil {
			s.OnDraining()
		}
		return nil, common.Wrapf(err, "service %s is being deleted", s.Service)
	case err != nil:
		return nil, err
	}
	if len(created.Tags) == 0 { // AWS leaves them out of some responses
		created.Tags = in.Tags
	}
	return ServiceState(created), nil
}

// NotIdempotent reports whether ECS refused to create the service because there is one of its name with other settings.
func NotIdempotent(err error) bool {
	return common.CodeOf(err) == awsecs.ErrCodeInvalidParameterException && strings.Contains(err.Error(), "not idempotent")
}

// SetTags implements Thing.
func (s *Service) SetTags(ctx context.Context, st *State, set common.Tags, remove []string) error {
	return setECSTags(ctx, s.Account, st, set, remove)
}

// Delete deletes the service and stops its tasks.
func (s *Service) Delete(ctx context.Context, _ *State) error {
	deleted, err := s.Account.ECS.DeleteService(ctx, s.Cluster, s.Service)
	if err == nil && s.OnDeleted != nil {
		s.OnDeleted(deleted)
	}
	return err
}
