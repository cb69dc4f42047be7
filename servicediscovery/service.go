package servicediscovery

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/servicediscovery"

	"ecs-api/common"
)

// maxPage is the largest page of Cloud Map's lists.
const maxPage = 100

// idOf returns the id in an ARN, or the id that it is.
func idOf(idOrARN string) string { return idOrARN[strings.LastIndex(idOrARN, "/")+1:] }

// Service returns a service by its id or ARN; NotFound if there is none.
func (c *Client) Service(ctx context.Context, id string) (*servicediscovery.Service, error) {
	out, err := c.api.GetServiceWithContext(ctx, &servicediscovery.GetServiceInput{Id: aws.String(idOf(id))})
	if err != nil {
		return nil, common.FromAWS(err, "describe Cloud Map service %q", id)
	}
	return out.Service, nil
}

// Services returns all services of a namespace, or of all namespaces if namespaceID is empty. Cloud Map filters.
func (c *Client) Services(ctx context.Context, namespaceID string) ([]*servicediscovery.ServiceSummary, error) {
	in := &servicediscovery.ListServicesInput{MaxResults: aws.Int64(maxPage)}
	if namespaceID != "" {
		in.Filters = []*servicediscovery.ServiceFilter{{
			Name:      aws.String(servicediscovery.ServiceFilterNameNamespaceId),
			Condition: aws.String(servicediscovery.FilterConditionEq),
			Values:    aws.StringSlice([]string{namespaceID}),
		}}
	}
	var all []*servicediscovery.ServiceSummary
	err := c.api.ListServicesPagesWithContext(ctx, in, func(page *servicediscovery.ListServicesOutput, _ bool) bool {
		all = append(all, page.Services...)
		return true
	})
	if err != nil {
		return nil, common.FromAWS(err, "list the Cloud Map services")
	}
	return all, nil
}

// CreateService creates a service. Of a Conflict, ExistingID tells which service is there. After a lost response it is not retried, and
// the error is Ambiguous: Cloud Map would refuse the second try, and the caller can tell by the tags whose service it is.
func (c *Client) CreateService(ctx context.Context, in *servicediscovery.CreateServiceInput) (*servicediscovery.Service, error) {
	if in == nil {
		in = &servicediscovery.CreateServiceInput{}
	}
	out, err := c.api.CreateServiceWithContext(ctx, in, common.OnlyOnce)
	if err != nil {
		return nil, common.FromAWS(err, "create Cloud Map service %q", aws.StringValue(in.Name))
	}
	return out.Service, nil
}

// ExistingID returns the id of the service that made CreateService fail with err; empty if it failed for another reason.
func ExistingID(err error) string {
	if exists, ok := errors.AsType[*servicediscovery.ServiceAlreadyExists](err); ok {
		return aws.StringValue(exists.ServiceId)
	}
	return ""
}

// DeleteService deletes a service, by its id or ARN; a Conflict if it has instances left.
func (c *Client) DeleteService(ctx context.Context, id string) error {
	var tries common.Tries
	_, err := c.api.DeleteServiceWithContext(ctx, &servicediscovery.DeleteServiceInput{Id: aws.String(idOf(id))}, tries.Watch)
	return tries.Deleted(common.FromAWS(err, "delete Cloud Map service %q", id))
}

// Namespace returns a namespace by its id or ARN; NotFound if there is none.
func (c *Client) Namespace(ctx context.Context, id string) (*servicediscovery.Namespace, error) {
	out, err := c.api.GetNamespaceWithContext(ctx, &servicediscovery.GetNamespaceInput{Id: aws.String(idOf(id))})
	if err != nil {
		return nil, common.FromAWS(err, "describe namespace %q", id)
	}
	return out.Namespace, nil
}

// Instances returns the ids of a service's instances.
func (c *Client) Instances(ctx context.Context, id string) ([]string, error) {
	var ids []string
	in := &servicediscovery.ListInstancesInput{ServiceId: aws.String(idOf(id)), MaxResults: aws.Int64(maxPage)}
	err := c.api.ListInstancesPagesWithContext(ctx, in, func(page *servicediscovery.ListInstancesOutput, _ bool) bool {
		for _, i := range page.Instances {
			ids = append(ids, aws.StringValue(i.Id))
		}
		return true
	})
	if err != nil {
		return nil, common.FromAWS(err, "list the instances of Cloud Map service %q", id)
	}
	return ids, nil
}

// DeregisterInstance starts to take an instance out of a service; it does not wait for the end. If it is under way already, because of an
// earlier try of this call, that is a success.
func (c *Client) DeregisterInstance(ctx context.Context, serviceID, instanceID string) error {
	var tries common.Tries
	in := &servicediscovery.DeregisterInstanceInput{ServiceId: aws.String(idOf(serviceID)), InstanceId: aws.String(instanceID)}
	_, err := c.api.DeregisterInstanceWithContext(ctx, in, tries.Watch)
	err = common.FromAWS(err, "deregister instance %q of Cloud Map service %q", instanceID, serviceID)
	if tries.Lost() && common.CodeOf(err) == servicediscovery.ErrCodeDuplicateRequest {
		return nil
	}
	return tries.Deleted(err)
}
