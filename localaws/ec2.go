package localaws

import (
	"slices"

	"github.com/aws/aws-sdk-go/aws"
)

// What the simulator has of EC2 is three reads of the network. Their inputs and outputs are stated here: the SDK's package for all of EC2
// would be most of every build.
type (
	describeSubnetsInput struct {
		SubnetIds []*string    `locationName:"SubnetId" locationNameList:"SubnetId" type:"list"`
		Filters   []*ec2Filter `locationName:"Filter" locationNameList:"Filter" type:"list"`
	}
	describeSubnetsOutput struct {
		Subnets []*ec2Subnet `locationName:"subnetSet" locationNameList:"item" type:"list"`
	}
	ec2Subnet struct {
		AvailabilityZone        *string `locationName:"availabilityZone" type:"string"`
		AvailableIPAddressCount *int64  `locationName:"availableIpAddressCount" type:"integer"`
		CidrBlock               *string `locationName:"cidrBlock" type:"string"`
		State                   *string `locationName:"state" type:"string"`
		SubnetID                *string `locationName:"subnetId" type:"string"`
		VPCID                   *string `locationName:"vpcId" type:"string"`
	}
	describeSecurityGroupsInput struct {
		GroupIds []*string    `locationName:"GroupId" locationNameList:"groupId" type:"list"`
		Filters  []*ec2Filter `locationName:"Filter" locationNameList:"Filter" type:"list"`
	}
	describeSecurityGroupsOutput struct {
		SecurityGroups []*ec2SecurityGroup `locationName:"securityGroupInfo" locationNameList:"item" type:"list"`
	}
	ec2SecurityGroup struct {
		Description *string `locationName:"groupDescription" type:"string"`
		GroupID     *string `locationName:"groupId" type:"string"`
		GroupName   *string `locationName:"groupName" type:"string"`
		VPCID       *string `locationName:"vpcId" type:"string"`
	}
	ec2Filter struct {
		Name   *string   `type:"string"`
		Values []*string `locationName:"Value" locationNameList:"item" type:"list"`
	}
)

func ec2Operations() map[string]operation {
	return map[string]operation{
		"DescribeRouteTables":    op(describeRouteTables),
		"DescribeSecurityGroups": op(describeSecurityGroups),
		"DescribeSubnets":        op(describeSubnets),
	}
}

func describeSubnets(r *request, in *describeSubnetsInput) (*describeSubnetsOutput, error) {
	for _, id := range aws.StringValueSlice(in.SubnetIds) {
		if r.region.network.subnet(id) == nil {
			return nil, refuse("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
		}
	}
	out := &describeSubnetsOutput{}
	for _, s := range r.region.network.subnets {
		zone := r.region.name + s.zone
		ok, err := passes(in.Filters, map[string]string{"subnet-id": s.id, "vpc-id": VPC, "availability-zone": zone, "state": "available"})
		if err != nil {
			return nil, err
		}
		if ok && selected(in.SubnetIds, s.id) {
			out.Subnets = append(out.Subnets, &ec2Subnet{
				AvailabilityZone: aws.String(zone), AvailableIPAddressCount: aws.Int64(4091), CidrBlock: aws.String(s.cidr),
				State: aws.String("available"), SubnetID: aws.String(s.id), VPCID: aws.String(VPC),
			})
		}
	}
	return out, nil
}

func describeSecurityGroups(r *request, in *describeSecurityGroupsInput) (*describeSecurityGroupsOutput, error) {
	for _, id := range aws.StringValueSlice(in.GroupIds) {
		if !slices.Contains(r.region.network.securityGroups, id) {
			return nil, refuse("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
		}
	}
	out := &describeSecurityGroupsOutput{}
	for _, id := range r.region.network.securityGroups {
		ok, err := passes(in.Filters, map[string]string{"group-id": id, "vpc-id": VPC, "group-name": "local"})
		if err != nil {
			return nil, err
		}
		if ok && selected(in.GroupIds, id) {
			out.SecurityGroups = append(out.SecurityGroups, &ec2SecurityGroup{
				Description: aws.String("lets everything through"), GroupID: aws.String(id), GroupName: aws.String("local"), VPCID: aws.String(VPC),
			})
		}
	}
	return out, nil
}

// selected reports whether a request that names ids, or none for all, means this one.
func selected(ids []*string, id string) bool {
	return len(ids) == 0 || slices.Contains(aws.StringValueSlice(ids), id)
}

// passes reports whether something with the given properties passes all filters.
func passes(filters []*ec2Filter, properties map[string]string) (bool, error) {
	for _, f := range filters {
		property, ok := properties[aws.StringValue(f.Name)]
		if !ok {
			return false, refuse("InvalidParameterValue", "The filter '%s' is invalid", aws.StringValue(f.Name))
		}
		if !slices.Contains(aws.StringValueSlice(f.Values), property) {
			return false, nil
		}
	}
	return true, nil
}
