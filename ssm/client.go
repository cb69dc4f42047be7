// Package ssm is the thin client of the AWS Systems Manager Parameter Store. It owns the rule that a parameter's value goes in and
// never comes out: nothing here returns a decrypted one, and no error holds one.
package ssm

import (
	"context"
	"sync/atomic"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/client"
	"github.com/aws/aws-sdk-go/aws/request"
	"github.com/aws/aws-sdk-go/service/ssm"

	"ecs-api/common"
)

// api is the part of the SDK's client that this package calls.
type api interface {
	PutParameterWithContext(aws.Context, *ssm.PutParameterInput, ...request.Option) (*ssm.PutParameterOutput, error)
	GetParameterWithContext(aws.Context, *ssm.GetParameterInput, ...request.Option) (*ssm.GetParameterOutput, error)
	GetParameterHistoryWithContext(aws.Context, *ssm.GetParameterHistoryInput, ...request.Option) (*ssm.GetParameterHistoryOutput, error)
	GetParametersByPathWithContext(aws.Context, *ssm.GetParametersByPathInput, ...request.Option) (*ssm.GetParametersByPathOutput, error)
	DescribeParametersWithContext(aws.Context, *ssm.DescribeParametersInput, ...request.Option) (*ssm.DescribeParametersOutput, error)
	DeleteParameterWithContext(aws.Context, *ssm.DeleteParameterInput, ...request.Option) (*ssm.DeleteParameterOutput, error)
	DeleteParametersWithContext(aws.Context, *ssm.DeleteParametersInput, ...request.Option) (*ssm.DeleteParametersOutput, error)
	AddTagsToResourceWithContext(aws.Context, *ssm.AddTagsToResourceInput, ...request.Option) (*ssm.AddTagsToResourceOutput, error)
	RemoveTagsFromResourceWithContext(aws.Context, *ssm.RemoveTagsFromResourceInput, ...request.Option) (*ssm.RemoveTagsFromResourceOutput, error)
	ListTagsForResourceWithContext(aws.Context, *ssm.ListTagsForResourceInput, ...request.Option) (*ssm.ListTagsForResourceOutput, error)
}

// Client manages one account's parameters.
type Client struct {
	api   api
	large atomic.Bool // the account has more parameters than one page of DescribeParameters holds
}

// New returns a client for the account that sess belongs to.
func New(sess client.ConfigProvider) *Client { return &Client{api: ssm.New(sess)} }

// FromTags returns tags as the Parameter Store wants them; nil for none.
func FromTags(tags common.Tags) []*ssm.Tag {
	return common.ListTags(tags, func(key, value *string) *ssm.Tag { return &ssm.Tag{Key: key, Value: value} })
}

// ToTags returns the tags of the Parameter Store's list.
func ToTags(tags []*ssm.Tag) common.Tags {
	return common.ReadTags(tags, func(t *ssm.Tag) (key, value *string) { return t.Key, t.Value })
}

// Tag adds tags to a parameter, over those of the same keys.
func (c *Client) Tag(ctx context.Context, name string, tags common.Tags) error {
	if len(tags) == 0 {
		return nil
	}
	_, err := c.api.AddTagsToResourceWithContext(ctx, &ssm.AddTagsToResourceInput{
		ResourceType: aws.String(ssm.ResourceTypeForTaggingParameter), ResourceId: aws.String(name), Tags: FromTags(tags),
	})
	return orMissing(name, common.FromAWS(err, "tag parameter %q", name))
}

// Untag takes the tags with the given keys from a parameter. Keys it has not are fine.
func (c *Client) Untag(ctx context.Context, name string, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := c.api.RemoveTagsFromResourceWithContext(ctx, &ssm.RemoveTagsFromResourceInput{
		ResourceType: aws.String(ssm.ResourceTypeForTaggingParameter), ResourceId: aws.String(name), TagKeys: aws.StringSlice(keys),
	})
	return orMissing(name, common.FromAWS(err, "untag parameter %q", name))
}

// Tags returns a parameter's tags.
func (c *Client) Tags(ctx context.Context, name string) (common.Tags, error) {
	out, err := c.api.ListTagsForResourceWithContext(ctx, &ssm.ListTagsForResourceInput{
		ResourceType: aws.String(ssm.ResourceTypeForTaggingParameter), ResourceId: aws.String(name),
	})
	if err != nil {
		return nil, orMissing(name, common.FromAWS(err, "list the tags of parameter %q", name))
	}
	return ToTags(out.TagList), nil
}

// orMissing returns err, with which a tagging call ended, as a NotFound if there is no such parameter: these calls, which are for many
// kinds of resources, have a code of their own for that.
func orMissing(name string, err error) error {
	if common.CodeOf(err) == ssm.ErrCodeInvalidResourceId {
		return common.Errorf(common.NotFound, "no parameter %q", name)
	}
	return err
}
