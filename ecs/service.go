package ecs

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/uuid"

	"ecs-api/common"
	"ecs-api/ecs/sdk/ecs"
)

// maxServices is how many services one call describes.
const maxServices = 10

// missing is the reason of a failure that says that there is no such thing.
const missing = "MISSING"

// Service returns a service with its tags; NotFound if it or its cluster is not there. A deleted service is returned for a while,
// DRAINING and then INACTIVE: the caller checks the status. A new one may be NotFound for a moment.
func (c *Client) Service(ctx context.Context, cluster, name string) (*ecs.Service, error) {
	found, err := c.Services(ctx, cluster, []string{name})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, common.Errorf(common.NotFound, "no service %q in cluster %q", name, cluster)
	}
	return found[0], nil
}

// Services returns the services with the given names or ARNs, with their tags. Missing ones are left out; a cluster that is not there
// is NotFound.
func (c *Client) Services(ctx context.Context, cluster string, services []string) ([]*ecs.Service, error) {
	all, err := c.services.describeAll(ctx, cluster, services)
	if err != nil {
		return nil, err
	}
	for _, f := range all.failures {
		if f != nil && aws.StringValue(f.Reason) != missing {
			return nil, common.Errorf(common.Internal, "describe %s: %s", aws.StringValue(f.Arn), aws.StringValue(f.Reason))
		}
	}
	return all.things, nil
}

// describeServices makes one call.
func (c *Client) describeServices(ctx context.Context, cluster string, names []string) (found[ecs.Service], error) {
	out, err := c.api.DescribeServicesWithContext(ctx, &ecs.DescribeServicesInput{
		Cluster:  optional(cluster),
		Services: aws.StringSlice(names),
		Include:  aws.StringSlice([]string{ecs.ServiceFieldTags}),
	})
	if err != nil {
		return found[ecs.Service]{}, common.FromAWS(err, "describe %s in cluster %q", things("service", names), cluster)
	}
	return found[ecs.Service]{out.Services, out.Failures}, nil
}

// ListServices returns the ARNs of a cluster's services. There is no filter by launch type: ECS's own misses the services that have
// a capacity provider strategy.
func (c *Client) ListServices(ctx context.Context, cluster string) ([]string, error) {
	var arns []string
	in := &ecs.ListServicesInput{Cluster: optional(cluster), MaxResults: aws.Int64(maxPage)}
	err := c.api.ListServicesPagesWithContext(ctx, in, func(page *ecs.ListServicesOutput, _ bool) bool {
		arns = append(arns, aws.StringValueSlice(page.ServiceArns)...)
		return true
	})
	if err != nil {
		return nil, common.FromAWS(err, "list the services of cluster %q", cluster)
	}
	return arns, nil
}

// CreateService creates a service. Without a client token it gets one, so that a try whose response was lost cannot make the next one fail:
// of the same token ECS creates one service.
func (c *Client) CreateService(ctx context.Context, in *ecs.CreateServiceInput) (*ecs.Service, error) {
	var call ecs.CreateServiceInput
	if in != nil {
		call = *in
	}
	if call.ClientToken == nil {
		call.ClientToken = aws.String(uuid.NewString())
	}
	out, err := c.api.CreateServiceWithContext(ctx, &call)
	if err != nil {
		return nil, common.FromAWS(err, "create service %q", aws.StringValue(call.ServiceName))
	}
	return out.Service, nil
}

// UpdateService changes a service. Retried after a lost response, ForceNewDeployment may deploy twice, the second one replacing the
// first.
func (c *Client) UpdateService(ctx context.Context, in *ecs.UpdateServiceInput) (*ecs.Service, error) {
	if in == nil {
		in = &ecs.UpdateServiceInput{}
	}
	out, err := c.api.UpdateServiceWithContext(ctx, in)
	if err != nil {
		return nil, common.FromAWS(err, "update service %q", aws.StringValue(in.Service))
	}
	return out.Service, nil
}

// DeleteService deletes a service with its tasks. Deleting one that is DRAINING or INACTIVE is fine.
func (c *Client) DeleteService(ctx context.Context, cluster, name string) (*ecs.Service, error) {
	var tries common.Tries
	out, err := c.api.DeleteServiceWithContext(ctx, &ecs.DeleteServiceInput{Cluster: optional(cluster), Service: aws.String(name), Force: aws.Bool(true)}, tries.Watch)
	if err != nil {
		if err := tries.Deleted(common.FromAWS(err, "delete service %q in cluster %q", name, cluster)); err != nil {
			return nil, err
		}
		return &ecs.Service{ServiceName: aws.String(name), Status: aws.String("INACTIVE")}, nil
	}
	return out.Service, nil
}
