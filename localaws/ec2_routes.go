package localaws

import (
	"slices"

	"github.com/aws/aws-sdk-go/aws"
)

type (
	describeRouteTablesInput struct {
		Filters []*ec2Filter `locationName:"Filter" locationNameList:"Filter" type:"list"`
	}
	describeRouteTablesOutput struct {
		RouteTables []*ec2RouteTable `locationName:"routeTableSet" locationNameList:"item" type:"list"`
	}
	ec2RouteTable struct {
		Associations []*ec2Association `locationName:"associationSet" locationNameList:"item" type:"list"`
		RouteTableID *string           `locationName:"routeTableId" type:"string"`
		Routes       []*ec2Route       `locationName:"routeSet" locationNameList:"item" type:"list"`
		VPCID        *string           `locationName:"vpcId" type:"string"`
	}
	ec2Association struct {
		Main         *bool   `locationName:"main" type:"boolean"`
		RouteTableID *string `locationName:"routeTableId" type:"string"`
		SubnetID     *string `locationName:"subnetId" type:"string"`
	}
	ec2Route struct {
		DestinationCidrBlock *string `locationName:"destinationCidrBlock" type:"string"`
		GatewayID            *string `locationName:"gatewayId" type:"string"`
		NatGatewayID         *string `locationName:"natGatewayId" type:"string"`
		Origin               *string `locationName:"origin" type:"string"`
		State                *string `locationName:"state" type:"string"`
	}
)

// The route tables of every region: the main one, with a NAT gateway, and that of the isolated subnets.
const (
	mainRoutes     = "rtb-0a1b2c3d4e5f60001"
	isolatedRoutes = "rtb-0a1b2c3d4e5f60002"
)

func describeRouteTables(r *request, in *describeRouteTablesInput) (*describeRouteTablesOutput, error) {
	isolated := ec2RouteTable{RouteTableID: aws.String(isolatedRoutes), VPCID: aws.String(VPC)}
	for _, s := range r.region.network.subnets {
		if s.isolated {
			isolated.Associations = append(isolated.Associations, &ec2Association{Main: aws.Bool(false), RouteTableID: aws.String(isolatedRoutes), SubnetID: aws.String(s.id)})
		}
	}
	local := &ec2Route{DestinationCidrBlock: aws.String("10.0.0.0/16"), GatewayID: aws.String("local"), Origin: aws.String("CreateRouteTable"), State: aws.String("active")}
	isolated.Routes = []*ec2Route{local}
	nat := &ec2Route{DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayID: aws.String("nat-0a1b2c3d4e5f60001"), Origin: aws.String("CreateRoute"), State: aws.String("active")}
	main := ec2RouteTable{
		RouteTableID: aws.String(mainRoutes), VPCID: aws.String(VPC), Routes: []*ec2Route{local, nat},
		Associations: []*ec2Association{{Main: aws.Bool(true), RouteTableID: aws.String(mainRoutes)}},
	}
	out := &describeRouteTablesOutput{}
	for _, table := range []*ec2RouteTable{&main, &isolated} {
		ok, err := table.passes(in.Filters)
		if err != nil {
			return nil, err
		}
		if ok {
			out.RouteTables = append(out.RouteTables, table)
		}
	}
	return out, nil
}

// passes reports whether the table passes all filters. A filter of associations is passed by any one of them.
func (t *ec2RouteTable) passes(filters []*ec2Filter) (bool, error) {
	for _, f := range filters {
		values := map[string][]string{"vpc-id": {VPC}, "route-table-id": {*t.RouteTableID}, "association.main": nil, "association.subnet-id": nil}
		for _, a := range t.Associations {
			main := "false"
			if *a.Main {
				main = "true"
			}
			values["association.main"] = append(values["association.main"], main)
			if a.SubnetID != nil {
				values["association.subnet-id"] = append(values["association.subnet-id"], *a.SubnetID)
			}
		}
		has, known := values[aws.StringValue(f.Name)]
		if !known {
			return false, refuse("InvalidParameterValue", "The filter '%s' is invalid", aws.StringValue(f.Name))
		}
		if !slices.ContainsFunc(has, func(value string) bool { return slices.Contains(aws.StringValueSlice(f.Values), value) }) {
			return false, nil
		}
	}
	return true, nil
}
