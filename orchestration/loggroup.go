package orchestration

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	awslogs "github.com/aws/aws-sdk-go/service/cloudwatchlogs"

	"ecs-api/common"
)

// logRetentionDays is how long the logs of a space are kept.
const logRetentionDays = 365

// readLogGroup looks for the space's log group.
func (c *work) readLogGroup(ctx context.Context) error {
	group, err := c.logs.Group(ctx, c.cluster)
	c.found.logGroup = group
	return ignoreNotFound(err)
}

// makeLogGroup makes the space's log group, or looks whose it is and claims it.
func (c *work) makeLogGroup(ctx context.Context) (undo, error) {
	back, err := c.findOrMakeLogGroup(ctx)
	if takenBack(err) {
		c.found.logGroup = nil
		return c.findOrMakeLogGroup(ctx)
	}
	return back, err
}

func (c *work) findOrMakeLogGroup(ctx context.Context) (undo, error) {
	if c.found.logGroup == nil {
		c.groupMade = true // perhaps even if the call fails: undoLogGroup looks
		err := c.pace.Retry(ctx, func() error { return c.logs.CreateGroup(ctx, c.cluster, c.tagsFor(nil)) }, common.LogGroupBusy)
		if err == nil || !common.Is(err, common.Conflict) {
			c.groupAnswered = err == nil
			return nil, err
		}
		// It is there after all: made by this call, whose first answer was lost, or by another request at the same moment.
		if err := c.readLogGroup(ctx); err != nil || c.found.logGroup == nil {
			return nil, err
		}
	}
	arn := aws.StringValue(c.found.logGroup.Arn)
	tags, err := c.logs.Tags(ctx, arn)
	if err != nil {
		return nil, err
	}
	if !tags.BelongsTo(c.account.Org) {
		return nil, taken("log group", c.cluster)
	}
	c.groupMade = c.groupMade && c.mine(tags)
	c.groupForeign = !tags.OwnedBy(c.account.Org)
	return c.claim(tags, shared{
		what:  "log group " + c.cluster,
		read:  func(ctx context.Context) (common.Tags, error) { return c.logs.Tags(ctx, arn) },
		write: func(ctx context.Context, tags common.Tags) error { return c.logs.Tag(ctx, arn, tags) },
	})(ctx)
}

// putLogRetention sets how long logs are kept, unless somebody has: it is a call of its own, so an interrupted request leaves a group
// that never expires. What is in a group that somebody made by hand is not ours to let expire.
func (c *work) putLogRetention(ctx context.Context) (undo, error) {
	if c.groupForeign || c.found.logGroup != nil && c.found.logGroup.RetentionInDays != nil {
		return nil, nil
	}
	return nil, c.pace.Retry(ctx, func() error {
		return c.logs.SetRetention(ctx, c.cluster, logRetentionDays)
	}, common.LogGroupBusy, common.NewLogGroup)
}

// findLogGroup looks for the log group that this request has made.
func (c *work) findLogGroup(ctx context.Context) (group *awslogs.LogGroup, err error) {
	err = c.find(ctx, c.groupAnswered, func() (err error) {
		group, err = c.logs.Group(ctx, c.cluster)
		return err
	})
	return group, err
}

// seeLogGroup looks for the log group again, which this request has found or made.
func (c *work) seeLogGroup(ctx context.Context) (err error) {
	c.found.logGroup, err = c.findLogGroup(ctx)
	return ignoreNotFound(err)
}

// undoLogGroup deletes the log group if this request made it, and nobody claimed it since.
func (c *work) undoLogGroup(ctx context.Context) error {
	if !c.groupMade {
		return nil
	}
	err := c.pace.Retry(ctx, func() error { // somebody may claim it before the next try
		group, err := c.findLogGroup(ctx)
		if err != nil {
			return err
		}
		tags, err := c.logs.Tags(ctx, aws.StringValue(group.Arn))
		if err != nil || !c.mine(tags) {
			return err
		}
		return c.logs.DeleteGroup(ctx, c.cluster)
	}, common.LogGroupBusy)
	c.groupMade = ignoreNotFound(err) != nil
	return common.Wrapf(ignoreNotFound(err), "log group %s", c.cluster)
}
