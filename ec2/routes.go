package ec2

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
)

// RouteTable says where the traffic that leaves some subnets goes.
type RouteTable struct {
	VPC     string
	Main    bool     // it is that of the subnets of the VPC which have none of their own
	Subnets []string // that have it as their own
	Routes  []Route
}

// Route is one route of a table.
type Route struct {
	Destination string // a CIDR block, or the id of a prefix list
	Gateway     string // id of the internet gateway, virtual private gateway or gateway endpoint, or "local"; empty for any other target, such as a NAT gateway
	Blackhole   bool   // its target is gone
}

// RouteTables returns the tables that the subnets have as their own. A subnet without one uses the main table of its VPC, which is not among them.
func (c *Client) RouteTables(ctx context.Context, subnets []string) ([]RouteTable, error) {
	if len(subnets) == 0 {
		return nil, nil
	}
	return c.routeTables(ctx, only("association.subnet-id", subnets))
}

// MainRouteTables returns the main tables of all VPCs: there is one per VPC, and an account has a handful of those.
func (c *Client) MainRouteTables(ctx context.Context) ([]RouteTable, error) {
	return c.routeTables(ctx, only("association.main", []string{"true"}))
}

func (c *Client) routeTables(ctx context.Context, filters []*filter) ([]RouteTable, error) {
	var found []RouteTable
	for in := (&describeRouteTablesInput{Filters: filters}); ; {
		out, err := c.api.DescribeRouteTablesWithContext(ctx, in)
		if err != nil {
			return nil, common.FromAWS(err, "describe route tables")
		}
		for _, t := range out.RouteTables {
			found = append(found, t.table())
		}
		if in.NextToken = out.NextToken; aws.StringValue(in.NextToken) == "" {
			return found, nil
		}
	}
}

func (t *routeTable) table() RouteTable {
	out := RouteTable{VPC: aws.StringValue(t.VPCID)}
	for _, a := range t.Associations {
		if aws.BoolValue(a.Main) {
			out.Main = true
		} else if id := aws.StringValue(a.SubnetID); id != "" { // else it is that of a gateway
			out.Subnets = append(out.Subnets, id)
		}
	}
	for _, r := range t.Routes {
		out.Routes = append(out.Routes, Route{
			Destination: cmp.Or(aws.StringValue(r.DestinationCidrBlock), aws.StringValue(r.DestinationIPv6CidrBlock), aws.StringValue(r.DestinationPrefixListID)),
			Gateway:     aws.StringValue(r.GatewayID),
			Blackhole:   aws.StringValue(r.State) == "blackhole",
		})
	}
	return out
}
