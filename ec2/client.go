// Package ec2 is the thin client of Amazon EC2, as far as a service's network goes: subnets, their route tables and security groups. It owns the rule that
// only what was asked for is fetched: an account may have thousands of them.
package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/client"
	"github.com/aws/aws-sdk-go/aws/client/metadata"
	"github.com/aws/aws-sdk-go/aws/request"
	v4 "github.com/aws/aws-sdk-go/aws/signer/v4"
	"github.com/aws/aws-sdk-go/private/protocol/ec2query"

	"ecs-api/common"
)

// api is the part of EC2 that this package calls. The calls are stated in sdk, below, as the SDK would have them: its own package for all of
// EC2 would be most of every build.
type api interface {
	DescribeSubnetsWithContext(aws.Context, *describeSubnetsInput, ...request.Option) (*describeSubnetsOutput, error)
	DescribeSecurityGroupsWithContext(aws.Context, *describeSecurityGroupsInput, ...request.Option) (*describeSecurityGroupsOutput, error)
	DescribeRouteTablesWithContext(aws.Context, *describeRouteTablesInput, ...request.Option) (*describeRouteTablesOutput, error)
}

// Client reads one account's network.
type Client struct{ api api }

// New returns a client for the account that sess belongs to.
func New(sess client.ConfigProvider) *Client { return &Client{api: newSDK(sess)} }

// Resource is a subnet or a security group, and the VPC that it is in.
type Resource struct{ ID, VPC string }

// Subnets returns those of the subnets that exist. Ids that EC2 does not know, badly formed ones too, are left out.
func (c *Client) Subnets(ctx context.Context, ids []string) ([]Resource, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	out, err := c.api.DescribeSubnetsWithContext(ctx, &describeSubnetsInput{Filters: only("subnet-id", ids)})
	if err != nil {
		return nil, common.FromAWS(err, "describe subnets")
	}
	var found []Resource
	for _, s := range out.Subnets {
		found = append(found, Resource{ID: aws.StringValue(s.SubnetID), VPC: aws.StringValue(s.VPCID)})
	}
	return found, nil
}

// SecurityGroups returns those of the security groups that exist. Ids that EC2 does not know, badly formed ones too, are left out.
func (c *Client) SecurityGroups(ctx context.Context, ids []string) ([]Resource, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	out, err := c.api.DescribeSecurityGroupsWithContext(ctx, &describeSecurityGroupsInput{Filters: only("group-id", ids)})
	if err != nil {
		return nil, common.FromAWS(err, "describe security groups")
	}
	var found []Resource
	for _, g := range out.SecurityGroups {
		found = append(found, Resource{ID: aws.StringValue(g.GroupID), VPC: aws.StringValue(g.VPCID)})
	}
	return found, nil
}

// only returns the filter that lets pass what has one of the values. To ask by id would be an error as soon as one does not exist.
func only(name string, values []string) []*filter {
	return []*filter{{Name: aws.String(name), Values: aws.StringSlice(values)}}
}

// sdk makes the calls.
type sdk struct{ *client.Client }

func newSDK(sess client.ConfigProvider) sdk {
	c := sess.ClientConfig("ec2")
	s := sdk{client.New(*c.Config, metadata.ClientInfo{
		ServiceName: "ec2", ServiceID: "EC2", APIVersion: "2016-11-15", SigningName: c.SigningName, SigningRegion: c.SigningRegion,
		PartitionID: c.PartitionID, Endpoint: c.Endpoint, ResolvedRegion: c.ResolvedRegion,
	}, c.Handlers)}
	s.Handlers.Sign.PushBackNamed(v4.SignRequestHandler)
	s.Handlers.Build.PushBackNamed(ec2query.BuildHandler)
	s.Handlers.Unmarshal.PushBackNamed(ec2query.UnmarshalHandler)
	s.Handlers.UnmarshalMeta.PushBackNamed(ec2query.UnmarshalMetaHandler)
	s.Handlers.UnmarshalError.PushBackNamed(ec2query.UnmarshalErrorHandler)
	return s
}

func (s sdk) DescribeSubnetsWithContext(ctx aws.Context, in *describeSubnetsInput, opts ...request.Option) (*describeSubnetsOutput, error) {
	out := &describeSubnetsOutput{}
	return out, s.send(ctx, "DescribeSubnets", in, out, opts)
}

func (s sdk) DescribeSecurityGroupsWithContext(ctx aws.Context, in *describeSecurityGroupsInput, opts ...request.Option) (*describeSecurityGroupsOutput, error) {
	out := &describeSecurityGroupsOutput{}
	return out, s.send(ctx, "DescribeSecurityGroups", in, out, opts)
}

func (s sdk) DescribeRouteTablesWithContext(ctx aws.Context, in *describeRouteTablesInput, opts ...request.Option) (*describeRouteTablesOutput, error) {
	out := &describeRouteTablesOutput{}
	return out, s.send(ctx, "DescribeRouteTables", in, out, opts)
}

func (s sdk) send(ctx aws.Context, operation string, in, out any, opts []request.Option) error {
	req := s.NewRequest(&request.Operation{Name: operation, HTTPMethod: "POST", HTTPPath: "/"}, in, out)
	req.SetContext(ctx)
	req.ApplyOptions(opts...)
	return req.Send()
}

// The inputs and outputs, as far as they are used here.
type (
	describeSubnetsInput struct {
		Filters []*filter `locationName:"Filter" locationNameList:"Filter" type:"list"`
	}
	describeSubnetsOutput struct {
		Subnets []*subnet `locationName:"subnetSet" locationNameList:"item" type:"list"`
	}
	subnet struct {
		SubnetID *string `locationName:"subnetId" type:"string"`
		VPCID    *string `locationName:"vpcId" type:"string"`
	}
	describeSecurityGroupsInput struct {
		Filters []*filter `locationName:"Filter" locationNameList:"Filter" type:"list"`
	}
	describeSecurityGroupsOutput struct {
		SecurityGroups []*securityGroup `locationName:"securityGroupInfo" locationNameList:"item" type:"list"`
	}
	securityGroup struct {
		GroupID *string `locationName:"groupId" type:"string"`
		VPCID   *string `locationName:"vpcId" type:"string"`
	}
	describeRouteTablesInput struct {
		Filters   []*filter `locationName:"Filter" locationNameList:"Filter" type:"list"`
		NextToken *string   `type:"string"`
	}
	describeRouteTablesOutput struct {
		RouteTables []*routeTable `locationName:"routeTableSet" locationNameList:"item" type:"list"`
		NextToken   *string       `locationName:"nextToken" type:"string"`
	}
	routeTable struct {
		VPCID        *string        `locationName:"vpcId" type:"string"`
		Associations []*association `locationName:"associationSet" locationNameList:"item" type:"list"`
		Routes       []*route       `locationName:"routeSet" locationNameList:"item" type:"list"`
	}
	association struct {
		Main     *bool   `locationName:"main" type:"boolean"`
		SubnetID *string `locationName:"subnetId" type:"string"`
	}
	route struct {
		DestinationCidrBlock     *string `locationName:"destinationCidrBlock" type:"string"`
		DestinationIPv6CidrBlock *string `locationName:"destinationIpv6CidrBlock" type:"string"`
		DestinationPrefixListID  *string `locationName:"destinationPrefixListId" type:"string"`
		GatewayID                *string `locationName:"gatewayId" type:"string"` // of an internet gateway, a virtual private gateway or a gateway endpoint; or "local"
		State                    *string `locationName:"state" type:"string"`
	}
	filter struct {
		Name   *string   `type:"string"`
		Values []*string `locationName:"Value" locationNameList:"item" type:"list"`
	}
)
