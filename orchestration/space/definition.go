package space

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/spec"
)

// NewDefinition adds to the plan the registration of the task definition, or the adoption of newest, the family's newest revision, if an interrupted request for the
// same task definition left it. Newest is nil if the family has no revision.
func (p *Parts) NewDefinition(plan *resource.Plan, in *awsecs.RegisterTaskDefinitionInput,
	newest *awsecs.DescribeTaskDefinitionOutput) (*resource.Item, error) {
	s := p.space
	family := aws.StringValue(in.Family)
	if newest != nil && !ecs.ToTags(newest.Tags).VisibleTo(s.Account.Org) {
		return nil, account.NameTaken("task definition", family)
	}
	if s.Want.Flavor != FlavorTask {
		if err := CheckFamily(newest); err != nil {
			return nil, err
		}
	}
	if err := spec.CheckReach("taskdefinition.", WithoutCredentials(in.ContainerDefinitions, s.Want.Credentials), p.found.Identity, s.Account.Region,
		s.Account.Org, s.Want.Cluster).Err(); err != nil {
		return nil, err
	}
	prefix := resource.RevisionOwner(s.Request.Service, spec.Digest(in))
	adapter := &resource.TaskDefinition{Account: s.Account, Family: family, Owner: prefix + s.Request.Key.Of(s.ID())}
	adapter.Input = func() (*awsecs.RegisterTaskDefinitionInput, error) { return p.Definition().Complete(in), nil }
	owner := common.Tag{Key: common.TagRequest, Value: adapter.Owner}
	item := &resource.Item{Thing: adapter, Tags: s.Tags(ecs.ToTags(in.Tags)).With(owner)}
	change := resource.Change{
		Resource: resource.KindTaskDefinition, Name: family, Action: resource.ActionCreate, Reason: "the request has a task definition",
		After: p.Planned().Complete(in), Step: s.adoptOrRegister(item),
	}
	if state := resource.RevisionState(newest); state != nil && resource.IsSameRevision(state.Tags, item.Tags, prefix) && p.pullsWith(state) {
		item.Found = state
		change.Action, change.Name, change.Reason = resource.ActionAdopt, account.NameOf(state.ID), "an interrupted request has left the same"
	}
	plan.Add(resource.StageDefinition, change)
	return item, nil
}

// pullsWith reports whether a revision that look found pulls its images with the secrets that the request adopts.
func (p *Parts) pullsWith(revision *resource.State) bool {
	for container, item := range p.Credentials {
		has := spec.RepositoryCredentials(resource.ValueOf[*awsecs.TaskDefinition](revision).ContainerDefinitions, container)
		if item.Found == nil || has != item.Found.ID {
			return false
		}
	}
	return true
}

// adoptOrRegister returns the step that puts the request's ownership tag on the revision that look found, or registers a new one.
func (s *Space) adoptOrRegister(item *resource.Item) saga.Step {
	adapter := item.Thing.(*resource.TaskDefinition)
	step := s.Request.Ensure(item)
	return func(ctx context.Context) (saga.Rollback, error) {
		if item.Found != nil {
			adapter.ARN = item.Found.ID
		}
		return step(ctx)
	}
}

// Sets reports whether the request gives the secret a value.
func (p *Parts) Sets(secret *resource.State) bool {
	for _, item := range p.Credentials {
		if item.Found != nil && item.Found.ID == secret.ID {
			return true
		}
	}
	return false
}

// Retag adds to the plan that a thing gets the request's tags and its own, and loses the tags with the keys in untag.
func (s *Space) Retag(plan *resource.Plan, stage int, t resource.Thing, found *resource.State, own common.Tags, untag []string) {
	wanted := spec.WithoutReserved(s.Want.Callers).With(own...)
	changed, removed := resource.TagDifference(found.Tags, wanted, untag)
	change := resource.Change{
		Resource: resource.KindTags, Name: t.Kind().Word() + " " + t.Name(), Action: resource.ActionKeep, Reason: "it has the tags",
	}
	if len(changed) > 0 || len(removed) > 0 {
		change.Action, change.Reason = resource.ActionUpdate, "its tags differ"
		change.Before, change.After = tagsShown(found.Tags), tagsShown(found.Tags.With(changed...).Without(removed...))
		change.Step = resource.ChangeTags(t, found, wanted, untag)
	}
	plan.Add(stage, change)
}

// tagsShown returns tags in the form in which a plan shows them.
func tagsShown(tags common.Tags) map[string]string {
	shown := map[string]string{}
	for _, tag := range tags {
		shown[tag.Key] = tag.Value
	}
	return shown
}
