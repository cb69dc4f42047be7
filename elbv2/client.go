// Package elbv2 is the thin client of Elastic Load Balancing (application and network load balancers), as far as it is read: load balancers,
// listeners, rules, target groups, target health and tags. It owns one rule: what is gone by the time it is asked about is left out of a
// batch, although AWS refuses the whole batch for it.
package elbv2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/client"
	"github.com/aws/aws-sdk-go/aws/request"
	"github.com/aws/aws-sdk-go/service/elbv2"
	"golang.org/x/sync/errgroup"

	"ecs-api/common"
)

// api is the part of the SDK's client that this package calls.
type api interface {
	DescribeLoadBalancersPagesWithContext(aws.Context, *elbv2.DescribeLoadBalancersInput, func(*elbv2.DescribeLoadBalancersOutput, bool) bool, ...request.Option) error
	DescribeListenersPagesWithContext(aws.Context, *elbv2.DescribeListenersInput, func(*elbv2.DescribeListenersOutput, bool) bool, ...request.Option) error
	DescribeRulesWithContext(aws.Context, *elbv2.DescribeRulesInput, ...request.Option) (*elbv2.DescribeRulesOutput, error)
	DescribeTargetGroupsWithContext(aws.Context, *elbv2.DescribeTargetGroupsInput, ...request.Option) (*elbv2.DescribeTargetGroupsOutput, error)
	DescribeTargetHealthWithContext(aws.Context, *elbv2.DescribeTargetHealthInput, ...request.Option) (*elbv2.DescribeTargetHealthOutput, error)
	DescribeTagsWithContext(aws.Context, *elbv2.DescribeTagsInput, ...request.Option) (*elbv2.DescribeTagsOutput, error)
}

// Client reads one account's load balancers.
type Client struct{ api api }

// New returns a client for the account that sess belongs to.
func New(sess client.ConfigProvider) *Client { return &Client{api: elbv2.New(sess)} }

// AWS's limits: the most that a page holds, and the most ARNs that DescribeTags takes.
const (
	maxPage  = 400
	maxBatch = 20
)

// LoadBalancers returns all load balancers of the account in the region.
func (c *Client) LoadBalancers(ctx context.Context) ([]*elbv2.LoadBalancer, error) {
	var all []*elbv2.LoadBalancer
	err := c.api.DescribeLoadBalancersPagesWithContext(ctx, &elbv2.DescribeLoadBalancersInput{PageSize: aws.Int64(maxPage)}, func(page *elbv2.DescribeLoadBalancersOutput, _ bool) bool {
		all = append(all, page.LoadBalancers...)
		return true
	})
	return all, common.FromAWS(err, "describe load balancers")
}

// Listeners returns all listeners of a load balancer.
func (c *Client) Listeners(ctx context.Context, loadBalancerARN string) ([]*elbv2.Listener, error) {
	var all []*elbv2.Listener
	in := &elbv2.DescribeListenersInput{LoadBalancerArn: &loadBalancerARN, PageSize: aws.Int64(maxPage)}
	err := c.api.DescribeListenersPagesWithContext(ctx, in, func(page *elbv2.DescribeListenersOutput, _ bool) bool {
		all = append(all, page.Listeners...)
		return true
	})
	return all, common.FromAWS(err, "describe listeners of load balancer %q", loadBalancerARN)
}

// Rules returns all rules of a listener, its default rule included.
func (c *Client) Rules(ctx context.Context, listenerARN string) ([]*elbv2.Rule, error) {
	var all []*elbv2.Rule
	for in := (&elbv2.DescribeRulesInput{ListenerArn: &listenerARN, PageSize: aws.Int64(maxPage)}); ; {
		page, err := c.api.DescribeRulesWithContext(ctx, in) // the SDK has no pages of it
		if err != nil {
			return nil, common.FromAWS(err, "describe rules of listener %q", listenerARN)
		}
		all = append(all, page.Rules...)
		if aws.StringValue(page.NextMarker) == "" {
			return all, nil
		}
		in.Marker = page.NextMarker
	}
}

// TargetGroups returns those of the target groups that exist, in no particular order.
func (c *Client) TargetGroups(ctx context.Context, arns []string) ([]*elbv2.TargetGroup, error) {
	return batched(ctx, arns, func(ctx context.Context, batch []string) ([]*elbv2.TargetGroup, error) {
		out, err := c.api.DescribeTargetGroupsWithContext(ctx, &elbv2.DescribeTargetGroupsInput{TargetGroupArns: aws.StringSlice(batch)})
		if err != nil {
			return nil, common.FromAWS(err, "describe target groups")
		}
		return out.TargetGroups, nil
	})
}

// TargetHealth returns the targets of a target group, and what the load balancer's health checks say of them: a service's tasks by their
// addresses. A healthy target has no reason.
func (c *Client) TargetHealth(ctx context.Context, targetGroupARN string) ([]*elbv2.TargetHealthDescription, error) {
	out, err := c.api.DescribeTargetHealthWithContext(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: &targetGroupARN})
	if err != nil {
		return nil, common.FromAWS(err, "describe target health of target group %q", targetGroupARN)
	}
	return out.TargetHealthDescriptions, nil
}

// Tags returns the tags of load balancers, listeners, rules and target groups by their ARNs. What does not exist has no entry.
func (c *Client) Tags(ctx context.Context, arns []string) (map[string]common.Tags, error) {
	found, err := batched(ctx, arns, func(ctx context.Context, batch []string) ([]*elbv2.TagDescription, error) {
		out, err := c.api.DescribeTagsWithContext(ctx, &elbv2.DescribeTagsInput{ResourceArns: aws.StringSlice(batch)})
		if err != nil {
			return nil, common.FromAWS(err, "describe tags of load balancers and target groups")
		}
		return out.TagDescriptions, nil
	})
	tags := map[string]common.Tags{}
	for _, d := range found {
		tags[aws.StringValue(d.ResourceArn)] = common.ReadTags(d.Tags, pair)
	}
	return tags, err
}

// pair returns a tag's key and value.
func pair(t *elbv2.Tag) (key, value *string) { return t.Key, t.Value }

// batched calls describe for batches of the ARNs at the same time, and returns all that was found. AWS refuses a batch as NotFound if one of it
// does not exist: such a batch is described one by one, and what does not exist is left out.
func batched[T any](ctx context.Context, arns []string, describe func(context.Context, []string) ([]T, error)) ([]T, error) {
	batches := slices.Collect(slices.Chunk(arns, maxBatch))
	results := make([][]T, len(batches))
	group, ctx := errgroup.WithContext(ctx)
	for i, batch := range batches {
		common.Go(group, func() (err error) {
			results[i], err = describe(ctx, batch)
			if common.Is(err, common.NotFound) {
				results[i], err = oneByOne(ctx, batch, describe)
			}
			return err
		})
	}
	err := group.Wait() // before the results are read
	return slices.Concat(results...), err
}

// oneByOne is batched for a batch of which something does not exist.
func oneByOne[T any](ctx context.Context, batch []string, describe func(context.Context, []string) ([]T, error)) ([]T, error) {
	if len(batch) == 1 {
		return nil, nil
	}
	results := make([][]T, len(batch))
	group, ctx := errgroup.WithContext(ctx)
	for i := range batch {
		common.Go(group, func() (err error) {
			results[i], err = describe(ctx, batch[i:i+1])
			if common.Is(err, common.NotFound) {
				err = nil
			}
			return err
		})
	}
	err := group.Wait()
	return slices.Concat(results...), err
}
