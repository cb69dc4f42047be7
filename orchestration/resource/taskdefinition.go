package resource

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"golang.org/x/sync/errgroup"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/saga"
)

// TaskDefinition is the adapter of one revision of a task definition.
type TaskDefinition struct {
	Account *account.Account
	Family  string
	ARN     string // of the revision, if it is known
	Owner   string // the ownership tag of the revision that the request registers
	// Input returns what the request registers. Create calls it when everything that it refers to exists.
	Input func() (*awsecs.RegisterTaskDefinitionInput, error)
}

// Kind implements Thing.
func (d *TaskDefinition) Kind() Kind { return KindTaskDefinition }

// Name is family:revision if the revision is known, else the family.
func (d *TaskDefinition) Name() string {
	if d.ARN != "" {
		return account.NameOf(d.ARN)
	}
	return d.Family
}

// Traits says that ECS registers a new revision for each call.
func (d *TaskDefinition) Traits() Traits {
	return Traits{CreateNotIdempotent: true, RetryCreate: []common.Retryable{common.RoleNotPassable}}
}

// Find returns the revision if it is ACTIVE: by its ARN if that is known, else by its ownership tag among the family's newest revisions.
func (d *TaskDefinition) Find(ctx context.Context) (*State, error) {
	if d.ARN != "" {
		out, err := d.Account.ECS.TaskDefinition(ctx, d.ARN)
		if err != nil {
			return nil, IgnoreNotFound(err)
		}
		return RevisionState(out), nil
	}
	arns, err := d.Account.ECS.ListTaskDefinitions(ctx, d.Family, awsecs.TaskDefinitionStatusActive)
	if err != nil {
		return nil, err
	}
	const newest = 5 // other requests may have registered revisions meanwhile
	for _, arn := range arns[:min(len(arns), newest)] {
		out, err := d.Account.ECS.TaskDefinition(ctx, arn)
		if err != nil {
			return nil, err
		}
		if slices.Contains(ecs.ToTags(out.Tags), common.Tag{Key: common.TagRequest, Value: d.Owner}) {
			return RevisionState(out), nil
		}
	}
	return nil, nil
}

// RevisionState returns the state of a revision; nil if it is not ACTIVE.
func RevisionState(out *awsecs.DescribeTaskDefinitionOutput) *State {
	if out == nil || aws.StringValue(out.TaskDefinition.Status) != awsecs.TaskDefinitionStatusActive {
		return nil
	}
	return &State{ID: aws.StringValue(out.TaskDefinition.TaskDefinitionArn), Tags: ecs.ToTags(out.Tags), Value: out.TaskDefinition}
}

// Create registers the revision. Its ownership tag contains a digest of it, by which a later request finds the same revision again.
func (d *TaskDefinition) Create(ctx context.Context, tags common.Tags) (*State, error) {
	in, err := d.Input()
	if err != nil {
		return nil, err
	}
	tags = tags.With(common.Tag{Key: common.TagRequest, Value: d.Owner})
	registered := *in
	registered.Tags = ecs.FromTags(tags)
	out, err := d.Account.ECS.RegisterTaskDefinition(ctx, &registered)
	if err != nil {
		return nil, err
	}
	d.ARN = aws.StringValue(out.TaskDefinition.TaskDefinitionArn)
	return &State{ID: d.ARN, Tags: tags, Value: out.TaskDefinition}, nil
}

// SetTags implements Thing.
func (d *TaskDefinition) SetTags(ctx context.Context, s *State, set common.Tags, remove []string) error {
	return setECSTags(ctx, d.Account, s, set, remove)
}

// Delete deregisters the revision and deletes it. ECS keeps a revision until no task uses it any more.
func (d *TaskDefinition) Delete(ctx context.Context, s *State) error {
	if _, err := d.Account.ECS.DeregisterTaskDefinition(ctx, s.ID); err != nil && !common.Is(err, common.NotFound) {
		return err
	}
	return d.Account.ECS.DeleteTaskDefinitions(ctx, []string{s.ID})
}

// CreateRevision returns the step that registers the revision with the ownership tag d.Owner, for requests that adopt no revision. It calls registered with the
// revision.
func (d *TaskDefinition) CreateRevision(backoff common.Backoff, tags common.Tags, registered func(*State)) saga.Step {
	return func(ctx context.Context) (saga.Rollback, error) {
		r := &Request{Org: d.Account.Org, Owner: d.Owner, Backoff: backoff}
		item := &Item{Thing: d, Tags: tags}
		rollback, err := r.Ensure(item)(ctx)
		if err == nil {
			registered(item.Now)
		}
		return rollback, err
	}
}

// RevisionOwner returns the beginning of the ownership tag of revisions of the service that have the digest.
func RevisionOwner(service, digest string) string { return OwnerPrefix(service) + digest + "/" }

// IsSameRevision reports whether an interrupted request left a revision that is the same as the wanted one. Have are its tags, want those of the wanted revision. The
// ownership tags of both must begin with prefix, which contains the service and the digest. The tags that name the request and the caller may differ.
func IsSameRevision(have, want common.Tags, prefix string) bool {
	value, _ := have.Get(common.TagRequest)
	ofRequest := []string{common.TagRequest, common.TagDeleting, common.TagCaller, common.TagRequestID}
	have, want = have.Without(ofRequest...), want.Without(ofRequest...)
	return strings.HasPrefix(value, prefix) && len(have) == len(want) && len(have.Changed(want)) == 0
}

// errNoInput is an error in our code: somebody registers a revision that was only looked up.
var errNoInput = errors.New("the revision has no input to be registered from")

// Known is the Input of a revision that is only looked up.
func Known() (*awsecs.RegisterTaskDefinitionInput, error) { return nil, errNoInput }

// maxReaders is how many revisions are read at the same time.
const maxReaders = 8

// DescribeRevisions describes task definitions, at most maxReaders at a time. It leaves out those that do not exist any more.
func DescribeRevisions(ctx context.Context, a *account.Account, arns []string) ([]*awsecs.DescribeTaskDefinitionOutput, error) {
	all := make([]*awsecs.DescribeTaskDefinitionOutput, len(arns))
	readers, ctx := errgroup.WithContext(ctx)
	readers.SetLimit(maxReaders)
	for i, arn := range arns {
		common.Go(readers, func() error {
			out, err := a.ECS.TaskDefinition(ctx, arn)
			all[i] = out
			return IgnoreNotFound(err)
		})
	}
	err := readers.Wait()
	return slices.DeleteFunc(all, func(out *awsecs.DescribeTaskDefinitionOutput) bool { return out == nil }), err
}
