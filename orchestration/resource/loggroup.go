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

// Find returns the log group. If we can compute its ARN, because we know our AWS account's id, it reads the tags at the same time.
func (g *LogGroup) Find(ctx context.Context) (*State, error) {
	var group *awslogs.LogGroup
	var tags common.Tags
	who, known := g.Account.KnownIdentity()
	arn := who.ARN("logs", g.Account.Region, "log-group:"+g.Group)
	var unread bool // the group did not exist when its tags were read
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
	if !known || unread { // without its tags we would not adopt a group that another request has just created
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

// Retention returns the step that sets how long AWS keeps the logs. AWS has a separate call for it, so an interrupted request can leave a group whose logs never
// expire. The step needs no rollback, because the logs did not expire before either.
func (g *LogGroup) Retention() saga.Step {
	return saga.NoRollback(func(ctx context.Context) error {
		return g.Account.Backoff.Retry(ctx, func() error {
			return g.Account.Logs.SetRetention(ctx, g.Group, spec.LogRetentionDays)
		}, common.LogGroupBusy, common.LogGroupNotVisible)
	})
}

// WantsRetention reports whether the request must set the retention: the logs of the group never expire, and the group is ours. Somebody who created a group by
// hand may want to keep all logs.
func (g *LogGroup) WantsRetention(found *State, org string) bool {
	if found == nil {
		return true
	}
	group := ValueOf[*awslogs.LogGroup](found)
	return found.Tags.TaggedFor(org) && group != nil && group.RetentionInDays == nil
}
