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

// Streams returns the streams of a log group whose names begin with prefix, in the order of their names.
func (c *Client) Streams(ctx context.Context, group, prefix string) ([]*cloudwatchlogs.LogStream, error) {
	in := &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String(group), Limit: aws.Int64(maxPage)}
	if prefix != "" {
		in.LogStreamNamePrefix = aws.String(prefix)
	}
	var all []*cloudwatchlogs.LogStream
	err := c.api.DescribeLogStreamsPagesWithContext(ctx, in, func(page *cloudwatchlogs.DescribeLogStreamsOutput, _ bool) bool {
		all = append(all, page.LogStreams...)
		return true
	})
	if err != nil {
		return nil, common.FromAWS(err, "list the streams of log group %q", group)
	}
	return all, nil
}
