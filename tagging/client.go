// Package tagging finds resources by their tags, over all AWS services, through the Resource Groups Tagging API.
//
// The API lags behind by minutes and tells of what is deleted already: whoever uses what it says must look again. It does not know IAM.
package tagging

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/client"
	"github.com/aws/aws-sdk-go/aws/request"
	tagging "github.com/aws/aws-sdk-go/service/resourcegroupstaggingapi"

	"ecs-api/common"
)

// api is the part of the SDK's client that this package calls.
type api interface {
	GetResourcesPagesWithContext(aws.Context, *tagging.GetResourcesInput, func(*tagging.GetResourcesOutput, bool) bool, ...request.Option) error
}

// Client searches one account.
type Client struct{ api api }

// New returns a client for the account that sess belongs to.
func New(sess client.ConfigProvider) *Client { return &Client{api: tagging.New(sess)} }

// Resource is something with tags.
type Resource struct {
	ARN  string
	Tags common.Tags
}

// maxPage is the most that AWS returns in one page.
const maxPage = 100

// Find returns the resources of the given types ("ecs:task-definition") that carry all of the given tags. A tag without a value stands for
// any value.
func (c *Client) Find(ctx context.Context, tags common.Tags, types ...string) ([]Resource, error) {
	in := &tagging.GetResourcesInput{ResourcesPerPage: aws.Int64(maxPage), ResourceTypeFilters: aws.StringSlice(types)}
	for _, tag := range tags {
		filter := &tagging.TagFilter{Key: aws.String(tag.Key)}
		if tag.Value != "" {
			filter.Values = aws.StringSlice([]string{tag.Value})
		}
		in.TagFilters = append(in.TagFilters, filter)
	}
	var found []Resource
	err := c.api.GetResourcesPagesWithContext(ctx, in, func(page *tagging.GetResourcesOutput, _ bool) bool {
		for _, mapping := range page.ResourceTagMappingList {
			found = append(found, Resource{aws.StringValue(mapping.ResourceARN), common.ReadTags(mapping.Tags, pair)})
		}
		return true
	})
	return found, common.FromAWS(err, "find resources by their tags")
}

// pair returns a tag's key and value.
func pair(t *tagging.Tag) (key, value *string) { return t.Key, t.Value }
