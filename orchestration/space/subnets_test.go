package space

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/ec2"
	"ecs-api/orchestration/resource"
	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestSubnetFaults(t *testing.T) {
	local := ec2.Route{Destination: "10.0.0.0/16", Gateway: "local"}
	table := func(routes ...ec2.Route) []ec2.RouteTable {
		return []ec2.RouteTable{{VPC: "vpc-1", Main: true, Routes: append(routes, local)}}
	}
	there := []ec2.Resource{{ID: "subnet-1", VPC: "vpc-1"}}
	isolated := resource.SubnetFaults{Isolated: []string{"subnet-1"}}
	for name, test := range map[string]struct {
		subnets   []ec2.Resource
		own, main []ec2.RouteTable
		want      resource.SubnetFaults
	}{
		"a NAT gateway":                 {there, nil, table(ec2.Route{Destination: "0.0.0.0/0"}), resource.SubnetFaults{}},
		"a virtual private gateway":     {there, nil, table(ec2.Route{Destination: "0.0.0.0/0", Gateway: "vgw-1"}), resource.SubnetFaults{}},
		"an internet gateway":           {there, nil, table(ec2.Route{Destination: "0.0.0.0/0", Gateway: "igw-1"}), isolated},
		"an internet gateway for IPv6":  {there, nil, table(ec2.Route{Destination: "::/0", Gateway: "igw-1"}), resource.SubnetFaults{}},
		"an endpoint for S3":            {there, nil, table(ec2.Route{Destination: "pl-1", Gateway: "vpce-1"}), resource.SubnetFaults{}},
		"a NAT gateway that is gone":    {there, nil, table(ec2.Route{Destination: "0.0.0.0/0", Blackhole: true}), isolated},
		"a peer alone":                  {there, nil, table(ec2.Route{Destination: "10.1.0.0/16"}), isolated},
		"nothing":                       {there, nil, table(), isolated},
		"its own table before the main": {there, []ec2.RouteTable{{VPC: "vpc-1", Subnets: []string{"subnet-1"}, Routes: []ec2.Route{local}}}, table(ec2.Route{Destination: "0.0.0.0/0"}), isolated},
		"another's table":               {there, []ec2.RouteTable{{VPC: "vpc-1", Subnets: []string{"subnet-2"}, Routes: []ec2.Route{local}}}, table(ec2.Route{Destination: "0.0.0.0/0"}), resource.SubnetFaults{}},
		"the main table of another VPC": {[]ec2.Resource{{ID: "subnet-1", VPC: "vpc-2"}}, nil, table(), resource.SubnetFaults{}},
		"a table that we are not shown": {there, nil, nil, resource.SubnetFaults{}},
		"a subnet that is not there":    {nil, nil, table(), resource.SubnetFaults{Missing: []string{"subnet-1"}}},
	} {
		if diff := cmp.Diff(test.want, subnetFaults([]string{"subnet-1"}, test.subnets, test.own, test.main)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}
