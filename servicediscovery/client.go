// Package servicediscovery is the thin client of AWS Cloud Map: services, their instances, and the namespaces they are in. It owns the
// rule that a service goes by its id, and that an ARN is accepted wherever an id is.
package servicediscovery

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/client"
	"github.com/aws/aws-sdk-go/aws/request"
	"github.com/aws/aws-sdk-go/service/servicediscovery"

	"ecs-api/common"
)

// api is the part of the SDK's client that this package calls.
type api interface {
	GetServiceWithContext(aws.Context, *servicediscovery.GetServiceInput, ...request.Option) (*servicediscovery.GetServiceOutput, error)
	ListServicesPagesWithContext(aws.Context, *servicediscovery.ListServicesInput, func(*servicediscovery.ListServicesOutput, bool) bool, ...request.Option) error
	CreateServiceWithContext(aws.Context, *servicediscovery.CreateServiceInput, ...request.Option) (*servicediscovery.CreateServiceOutput, error)
	DeleteServiceWithContext(aws.Context, *servicediscovery.DeleteServiceInput, ...request.Option) (*servicediscovery.DeleteServiceOutput, error)
	GetNamespaceWithContext(aws.Context, *servicediscovery.GetNamespaceInput, ...request.Option) (*servicediscovery.GetNamespaceOutput, error)
	ListInstancesPagesWithContext(aws.Context, *servicediscovery.ListInstancesInput, func(*servicediscovery.ListInstancesOutput, bool) bool, ...request.Option) error
	DeregisterInstanceWithContext(aws.Context, *servicediscovery.DeregisterInstanceInput, ...request.Option) (*servicediscovery.DeregisterInstanceOutput, error)
	TagResourceWithContext(aws.Context, *servicediscovery.TagResourceInput, ...request.Option) (*servicediscovery.TagResourceOutput, error)
	UntagResourceWithContext(aws.Context, *servicediscovery.UntagResourceInput, ...request.Option) (*servicediscovery.UntagResourceOutput, error)
	ListTagsForResourceWithContext(aws.Context, *servicediscovery.ListTagsForResourceInput, ...request.Option) (*servicediscovery.ListTagsForResourceOutput, error)
}

// Client manages one account's Cloud Map services.
type Client struct{ api api }

// New returns a client for the account that sess belongs to.
func New(sess client.ConfigProvider) *Client { return &Client{api: servicediscovery.New(sess)} }

// FromTags returns tags as Cloud Map wants them; nil for none.
func FromTags(tags common.Tags) []*servicediscovery.Tag {
	return common.ListTags(tags, func(key, value *string) *servicediscovery.Tag { return &servicediscovery.Tag{Key: key, Value: value} })
}

// ToTags returns the tags of Cloud Map's list.
func ToTags(tags []*servicediscovery.Tag) common.Tags {
	return common.ReadTags(tags, func(t *servicediscovery.Tag) (key, value *string) { return t.Key, t.Value })
}

// Tag adds tags to the resource with the given ARN, over those of the same keys.
func (c *Client) Tag(ctx context.Context, arn string, tags common.Tags) error {
	if len(tags) == 0 {
		return nil
	}
	_, err := c.api.TagResourceWithContext(ctx, &servicediscovery.TagResourceInput{ResourceARN: aws.String(arn), Tags: FromTags(tags)})
	return common.FromAWS(err, "tag %s", arn)
}

// Untag takes the tags with the given keys from a resource. Keys it has not are fine.
func (c *Client) Untag(ctx context.Context, arn string, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := c.api.UntagResourceWithContext(ctx, &servicediscovery.UntagResourceInput{ResourceARN: aws.String(arn), TagKeys: aws.StringSlice(keys)})
	return common.FromAWS(err, "untag %s", arn)
}

// Tags returns a resource's tags.
func (c *Client) Tags(ctx context.Context, arn string) (common.Tags, error) {
	out, err := c.api.ListTagsForResourceWithContext(ctx, &servicediscovery.ListTagsForResourceInput{ResourceARN: aws.String(arn)})
	if err != nil {
		return nil, common.FromAWS(err, "list the tags of %s", arn)
	}
	return ToTags(out.Tags), nil
}
