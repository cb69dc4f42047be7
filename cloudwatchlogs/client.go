// Package cloudwatchlogs is the thin client of Amazon CloudWatch Logs: log groups, their retention and tags, and what is in their
// streams. It owns the rule that an ARN's trailing ":*", which Logs itself writes and does not accept everywhere, does not matter.
package cloudwatchlogs

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/client"
	"github.com/aws/aws-sdk-go/aws/request"
	"github.com/aws/aws-sdk-go/service/cloudwatchlogs"

	"ecs-api/common"
)

// api is the part of the SDK's client that this package calls.
type api interface {
	DescribeLogGroupsPagesWithContext(aws.Context, *cloudwatchlogs.DescribeLogGroupsInput, func(*cloudwatchlogs.DescribeLogGroupsOutput, bool) bool, ...request.Option) error
	CreateLogGroupWithContext(aws.Context, *cloudwatchlogs.CreateLogGroupInput, ...request.Option) (*cloudwatchlogs.CreateLogGroupOutput, error)
	PutRetentionPolicyWithContext(aws.Context, *cloudwatchlogs.PutRetentionPolicyInput, ...request.Option) (*cloudwatchlogs.PutRetentionPolicyOutput, error)
	DeleteLogGroupWithContext(aws.Context, *cloudwatchlogs.DeleteLogGroupInput, ...request.Option) (*cloudwatchlogs.DeleteLogGroupOutput, error)
	FilterLogEventsWithContext(aws.Context, *cloudwatchlogs.FilterLogEventsInput, ...request.Option) (*cloudwatchlogs.FilterLogEventsOutput, error)
	GetLogEventsWithContext(aws.Context, *cloudwatchlogs.GetLogEventsInput, ...request.Option) (*cloudwatchlogs.GetLogEventsOutput, error)
	TagResourceWithContext(aws.Context, *cloudwatchlogs.TagResourceInput, ...request.Option) (*cloudwatchlogs.TagResourceOutput, error)
	UntagResourceWithContext(aws.Context, *cloudwatchlogs.UntagResourceInput, ...request.Option) (*cloudwatchlogs.UntagResourceOutput, error)
	ListTagsForResourceWithContext(aws.Context, *cloudwatchlogs.ListTagsForResourceInput, ...request.Option) (*cloudwatchlogs.ListTagsForResourceOutput, error)
}

// Client manages one account's logs.
type Client struct{ api api }

// New returns a client for the account that sess belongs to.
func New(sess client.ConfigProvider) *Client { return &Client{api: cloudwatchlogs.New(sess)} }

// FromTags returns tags as Logs wants them: a map, nil for none, as Logs refuses an empty one.
func FromTags(tags common.Tags) map[string]*string {
	if len(tags) == 0 {
		return nil
	}
	out := make(map[string]*string, len(tags))
	for _, t := range tags {
		out[t.Key] = aws.String(t.Value)
	}
	return out
}

// ToTags returns the tags of Logs' map, in the order of their keys.
func ToTags(tags map[string]*string) common.Tags {
	var out common.Tags
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, common.Tag{Key: key, Value: aws.StringValue(tags[key])})
	}
	return out
}

// Tag adds tags to the log group with the given ARN, over those of the same keys.
func (c *Client) Tag(ctx context.Context, groupARN string, tags common.Tags) error {
	if len(tags) == 0 {
		return nil
	}
	_, err := c.api.TagResourceWithContext(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: resource(groupARN), Tags: FromTags(tags)})
	return common.FromAWS(err, "tag log group %s", groupARN)
}

// Untag takes the tags with the given keys from a log group. Keys it has not are fine.
func (c *Client) Untag(ctx context.Context, groupARN string, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := c.api.UntagResourceWithContext(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: resource(groupARN), TagKeys: aws.StringSlice(keys)})
	return common.FromAWS(err, "untag log group %s", groupARN)
}

// Tags returns a log group's tags, in the order of their keys.
func (c *Client) Tags(ctx context.Context, groupARN string) (common.Tags, error) {
	out, err := c.api.ListTagsForResourceWithContext(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: resource(groupARN)})
	if err != nil {
		return nil, common.FromAWS(err, "list the tags of log group %s", groupARN)
	}
	return ToTags(out.Tags), nil
}

// resource returns a log group's ARN as the tagging calls want it.
func resource(groupARN string) *string { return aws.String(strings.TrimSuffix(groupARN, ":*")) }
