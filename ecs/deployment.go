package ecs

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs/sdk/ecs"
)

// maxServiceDeployments is how many service deployments or service revisions one call describes.
const maxServiceDeployments = 20

// maxDeploymentPages is how many pages of service deployments are read: AWS keeps those of 90 days, and promises no order.
const maxDeploymentPages = 10

// ServiceDeployments returns the newest service deployments of a service, the newest first: most of them at most, all for 0. AWS keeps those
// of 90 days. It is not retried when AWS fails: moto does not know the operation, and says so as a failure.
func (c *Client) ServiceDeployments(ctx context.Context, cluster, service string, most int) ([]*ecs.ServiceDeploymentBrief, error) {
	in := &ecs.ListServiceDeploymentsInput{Cluster: optional(cluster), Service: aws.String(service), MaxResults: aws.Int64(maxPage)}
	var all []*ecs.ServiceDeploymentBrief
	if most > 0 && most < maxPage {
		in.MaxResults = aws.Int64(int64(most))
	}
	for range maxDeploymentPages {
		out, err := c.api.ListServiceDeploymentsWithContext(ctx, in, common.OnlyOnce)
		if err != nil {
			return nil, common.FromAWS(err, "list the deployments of service %q in cluster %q", service, cluster)
		}
		ordered := slices.IsSortedFunc(out.ServiceDeployments, laterFirst)
		all = append(all, out.ServiceDeployments...)
		in.NextToken = out.NextToken
		if aws.StringValue(in.NextToken) == "" || ordered && most > 0 && len(all) >= most {
			break
		}
	}
	slices.SortStableFunc(all, laterFirst)
	if most > 0 {
		all = all[:min(len(all), most)]
	}
	return all, nil
}

func laterFirst(a, b *ecs.ServiceDeploymentBrief) int {
	return cmp.Compare(aws.TimeValue(b.CreatedAt).UnixNano(), aws.TimeValue(a.CreatedAt).UnixNano())
}

// DescribeServiceDeployments returns the service deployments with the ARNs. Missing ones are left out.
func (c *Client) DescribeServiceDeployments(ctx context.Context, arns []string) ([]*ecs.ServiceDeployment, error) {
	responses, err := batched(ctx, arns, maxServiceDeployments, func(ctx context.Context, arns []string) ([]*ecs.ServiceDeployment, error) {
		out, err := c.api.DescribeServiceDeploymentsWithContext(ctx, &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: aws.StringSlice(arns)})
		if err != nil {
			return nil, common.FromAWS(err, "describe %s", things("service deployment", arns))
		}
		return out.ServiceDeployments, nil
	})
	return slices.Concat(responses...), err
}

// ServiceRevisions returns the service revisions with the ARNs. Missing ones are left out.
func (c *Client) ServiceRevisions(ctx context.Context, arns []string) ([]*ecs.ServiceRevision, error) {
	responses, err := batched(ctx, arns, maxServiceDeployments, func(ctx context.Context, arns []string) ([]*ecs.ServiceRevision, error) {
		out, err := c.api.DescribeServiceRevisionsWithContext(ctx, &ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: aws.StringSlice(arns)})
		if err != nil {
			return nil, common.FromAWS(err, "describe %s", things("service revision", arns))
		}
		return out.ServiceRevisions, nil
	})
	return slices.Concat(responses...), err
}

// ContinueServiceDeployment decides about a lifecycle hook at which a deployment waits: CONTINUE or ROLLBACK. A BadRequest says that it does not wait there.
func (c *Client) ContinueServiceDeployment(ctx context.Context, arn, hook, action string) error {
	_, err := c.api.ContinueServiceDeploymentWithContext(ctx, &ecs.ContinueServiceDeploymentInput{ServiceDeploymentArn: aws.String(arn), HookId: aws.String(hook), Action: aws.String(action)})
	return common.FromAWS(err, "continue service deployment %q", arn)
}

// StopServiceDeployment stops a deployment in progress: ECS rolls it back (ROLLBACK), or leaves what has been started (ABORT). A Conflict or BadRequest
// says that it has ended.
func (c *Client) StopServiceDeployment(ctx context.Context, arn, stopType string) error {
	_, err := c.api.StopServiceDeploymentWithContext(ctx, &ecs.StopServiceDeploymentInput{ServiceDeploymentArn: aws.String(arn), StopType: aws.String(stopType)})
	return common.FromAWS(err, "stop service deployment %q", arn)
}

// Primary returns the newest deployment that a service shows; nil if it shows none. The service may be nil.
func Primary(service *ecs.Service) *ecs.Deployment {
	if service == nil {
		return nil
	}
	for _, d := range service.Deployments {
		if d != nil && aws.StringValue(d.Status) == "PRIMARY" {
			return d
		}
	}
	return nil
}
