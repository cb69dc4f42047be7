package cloudwatchlogs

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"

	"ecs-api/common"
)

// Events returns one page of a stream's events. There is always a token for the next: the end is where it is the one that was sent, and
// a page before the end may be empty. A stream that nothing was written to is NotFound.
func (c *Client) Events(ctx context.Context, in *cloudwatchlogs.GetLogEventsInput) (*cloudwatchlogs.GetLogEventsOutput, error) {
	if in == nil {
		in = &cloudwatchlogs.GetLogEventsInput{}
	}
	out, err := c.api.GetLogEventsWithContext(ctx, in)
	if err != nil {
		return nil, common.FromAWS(err, "read log stream %q of log group %q", aws.StringValue(in.LogStreamName), aws.StringValue(in.LogGroupName))
	}
	return out, nil
}

// Filter returns one page of the events of a log group's streams, in the order of their times. A page may be empty, and another follow. A group
// that is not there is NotFound.
func (c *Client) Filter(ctx context.Context, in *cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	if in == nil {
		in = &cloudwatchlogs.FilterLogEventsInput{}
	}
	out, err := c.api.FilterLogEventsWithContext(ctx, in)
	if err != nil {
		return nil, common.FromAWS(err, "filter log group %q", aws.StringValue(in.LogGroupName))
	}
	return out, nil
}
