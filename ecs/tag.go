package ecs

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs/sdk/ecs"
)

// FromTags returns tags as ECS wants them; nil for none, as ECS refuses an empty list.
func FromTags(tags common.Tags) []*ecs.Tag {
	return common.ListTags(tags, func(key, value *string) *ecs.Tag { return &ecs.Tag{Key: key, Value: value} })
}

// ToTags returns the tags of ECS's list.
func ToTags(tags []*ecs.Tag) common.Tags {
	return common.ReadTags(tags, func(t *ecs.Tag) (key, value *string) { return t.Key, t.Value })
}

// Tag adds tags to the resource with the given ARN, over those of the same keys. A service's short ARN cannot be tagged.
func (c *Client) Tag(ctx context.Context, arn string, tags common.Tags) error {
	if len(tags) == 0 {
		return nil
	}
	_, err := c.api.TagResourceWithContext(ctx, &ecs.TagResourceInput{ResourceArn: aws.String(arn), Tags: FromTags(tags)})
	return common.FromAWS(err, "tag %s", arn)
}

// Untag takes the tags with the given keys from a resource. Keys it has not are fine.
func (c *Client) Untag(ctx context.Context, arn string, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := c.api.UntagResourceWithContext(ctx, &ecs.UntagResourceInput{ResourceArn: aws.String(arn), TagKeys: aws.StringSlice(keys)})
	return common.FromAWS(err, "untag %s", arn)
}
