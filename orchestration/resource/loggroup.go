package resource

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	awslogs "github.com/aws/aws-sdk-go/service/cloudwatchlogs"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/spec"
)

// LogGroup is the adapter of a CloudWatch Logs log group.
type LogGroup struct {
	Account *account.Account
	Group   string
}

// Kind implements Thing.
func (g *LogGroup) Kind() Kind { return KindLogGroup }

// Name implements Thing.
func (g *LogGroup) Name() string { return g.Group }

// Traits says that a log group is shared.
func (g *LogGroup) Traits() Traits {
	return Traits{Shared: true, RetryCreate: []common.Retryable{common.LogGroupBusy}, RetryDelete: []common.Retryable{common.LogGroupBusy}}
}

// Find returns the log group. Its tags are read at the same time where its ARN can be computed, that is once our identity is known.
func (g *LogGroup) Find(ctx context.Context) (*State, error) {
	var group *awslogs.LogGroup
	var tags common.Tags
	who, known := g.Account.KnownIdentity()
	arn := who.ARN("logs", g.Account.Region, "log-group:"+g.Group)
	var unread bool // there was no group yet when its tags were read
	readTags := func(ctx context.Context) (err error) {
		tags, err = g.Account.Logs.Tags(ctx, arn)
		unread = err != nil
		return IgnoreNotFound(err)
	}
	find := func(ctx context.Context) (err error) {
		group, err = g.Account.Logs.Group(ctx, g.Group)
		return IgnoreNotFound(err)
	}
	reads := []func(context.Context) error{find}
	if known {
		reads = append(reads, readTags)
	}
	if err := common.Concurrently(ctx, reads...); err != nil || group == nil {
		return nil, err
	}
	arn = strings.TrimSuffix(aws.StringValue(group.Arn), ":*")
	if !known || unread { // without its tags, a group that another request has created meanwhile would be nobody's, and not be adopted
		if err := readTags(ctx); err != nil || unread { // deleted since it was found
			return nil, err
		}
	}
	return &State{ID: arn, Tags: tags, Value: group}, nil
}

// Create creates the log group. The state has no ID: only Find knows the ARN, which SetTags takes.
func (g *LogGroup) Create(ctx context.Context, tags common.Tags) (*State, error) {
	if err := g.Account.Logs.CreateGroup(ctx, g.Group, tags); err != nil {
		return nil, err
	}
	return &State{Tags: tags}, nil // AWS returns no ARN
}

// SetTags implements Thing. It takes the state that Find returns.
func (g *LogGroup) SetTags(ctx context.Context, s *State, set common.Tags, remove []string) error {
	return setTags(ctx, s.ID, set, remove, g.Account.Logs.Tag, g.Account.Logs.Untag)
}

// Delete deletes the log group with all its logs.
func (g *LogGroup) Delete(ctx context.Context, _ *State) error {
	return g.Account.Logs.DeleteGroup(ctx, g.Group)
}

// Retention returns the step that sets how long logs are kept. It is a call of its own, so an interrupted request leaves a group that never expires.
// A rollback is not needed: what was there never expired.
func (g *LogGroup) Retention() saga.Step {
	return saga.NoRollback(func(ctx context.Context) error {
		return g.Account.Backoff.Retry(ctx, func() error {
			return g.Account.Logs.SetRetention(ctx, g.Group, spec.LogRetentionDays)
		}, common.LogGroupBusy, common.LogGroupNotVisible)
	})
}

// WantsRetention reports whether the group, as it was found, never expires and is ours to change: somebody who created it by hand may want all of it.
func (g *LogGroup) WantsRetention(found *State, org string) bool {
	if found == nil {
		return true
	}
	group := ValueOf[*awslogs.LogGroup](found)
	return found.Tags.TaggedFor(org) && group != nil && group.RetentionInDays == nil
}
