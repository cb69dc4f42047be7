package cloudwatchlogs

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"

	"ecs-api/common"
)

// maxPage is the largest page of Logs' lists.
const maxPage = 50

// Group returns a log group with its retention (nil: for ever) and ARN, which may end in ":*"; NotFound if there is none.
func (c *Client) Group(ctx context.Context, name string) (*cloudwatchlogs.LogGroup, error) {
	var found *cloudwatchlogs.LogGroup
	in := &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String(name), Limit: aws.Int64(maxPage)}
	err := c.api.DescribeLogGroupsPagesWithContext(ctx, in, func(page *cloudwatchlogs.DescribeLogGroupsOutput, _ bool) bool {
		for _, g := range page.LogGroups {
			if g != nil && aws.StringValue(g.LogGroupName) == name {
				found = g
			}
		}
		return found == nil && len(page.LogGroups) == 0 // sorted by name: a group comes before those whose names it begins
	})
	if err != nil {
		return nil, common.FromAWS(err, "describe log group %q", name)
	}
	if found == nil {
		return nil, common.Errorf(common.NotFound, "no log group %q", name)
	}
	return found, nil
}

// CreateGroup creates a log group; a Conflict if it is there. If an earlier try of this very call created it and lost its response, that is a
// success: the tag spinup:request tells, so only groups that are created with it have this.
func (c *Client) CreateGroup(ctx context.Context, name string, tags common.Tags) error {
	var tries common.Tries
	_, err := c.api.CreateLogGroupWithContext(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(name), Tags: FromTags(tags)}, tries.Watch)
	err = common.FromAWS(err, "create log group %q", name)
	if request, ok := tags.Get(common.TagRequest); ok && tries.Lost() && common.CodeOf(err) == cloudwatchlogs.ErrCodeResourceAlreadyExistsException {
		group, lookErr := c.Group(ctx, name)
		if lookErr != nil {
			return err
		}
		now, lookErr := c.Tags(ctx, aws.StringValue(group.Arn))
		if have, ok := now.Get(common.TagRequest); lookErr == nil && ok && have == request {
			return nil
		}
	}
	return err
}

// SetRetention sets how many days a log group keeps what is written to it: one of the numbers that Logs allows, 1 to 3653.
func (c *Client) SetRetention(ctx context.Context, name string, days int64) error {
	_, err := c.api.PutRetentionPolicyWithContext(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String(name), RetentionInDays: aws.Int64(days)})
	return common.FromAWS(err, "set the retention of log group %q", name)
}

// DeleteGroup deletes a log group with all that was written to it.
func (c *Client) DeleteGroup(ctx context.Context, name string) error {
	var tries common.Tries
	_, err := c.api.DeleteLogGroupWithContext(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(name)}, tries.Watch)
	return tries.Deleted(common.FromAWS(err, "delete log group %q", name))
}
