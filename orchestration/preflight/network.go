package preflight

import (
	"context"
	"fmt"
	"slices"

	"ecs-api/ec2"
)

// checkNetwork looks for the default subnets and security groups. All must be in one VPC.
func (a Account) checkNetwork(ctx context.Context) report {
	var r report
	vpc := "" // that of the first subnet
	look := func(setting string, ids []string, what, action string, find func(context.Context, []string) ([]ec2.Resource, error)) {
		found, err := find(ctx, ids)
		if err != nil {
			r.unknown = append(r.unknown, a.at(setting)+": "+explain(err, action))
			return
		}
		for i, id := range ids {
			key := fmt.Sprintf("%s[%d]", a.at(setting), i)
			n := slices.IndexFunc(found, func(f ec2.Resource) bool { return f.ID == id })
			switch {
			case n < 0:
				r.missing = append(r.missing, fmt.Sprintf("%s must be a %s that exists: %s has no %s", key, what, a.Region, id))
			case vpc == "":
				vpc = found[n].VPC
			case vpc != found[n].VPC:
				r.missing = append(r.missing, fmt.Sprintf("%s must be a %s of %s, as the first subnet is: %s is in %s", key, what, vpc, id, found[n].VPC))
			}
		}
	}
	look("defaultSubnets", a.Subnets, "subnet", "ec2:DescribeSubnets", a.Network.Subnets)
	look("defaultSgs", a.SecurityGroups, "security group", "ec2:DescribeSecurityGroups", a.Network.SecurityGroups)
	return r
}
