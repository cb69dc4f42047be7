package space

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ec2"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
)

// subnetTime is how long a dry run looks at subnets.
const subnetTime = 5 * time.Second

// Subnets returns what is wrong with the subnets of a network: AWS would say so only when the service is created, or not before a task starts. What
// AWS does not let us see is taken to be in order. It reads in one round.
func Subnets(ctx context.Context, a *account.Account, network *awsecs.NetworkConfiguration) resource.SubnetFaults {
	if network == nil || network.AwsvpcConfiguration == nil || len(network.AwsvpcConfiguration.Subnets) == 0 {
		return resource.SubnetFaults{}
	}
	ctx, cancel := context.WithTimeout(ctx, subnetTime)
	defer cancel()
	ids := slices.Compact(slices.Sorted(slices.Values(aws.StringValueSlice(network.AwsvpcConfiguration.Subnets))))
	var subnets []ec2.Resource
	var own, main []ec2.RouteTable
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) { subnets, err = a.Network.Subnets(ctx, ids); return err },
		func(ctx context.Context) (err error) { own, err = a.Network.RouteTables(ctx, ids); return err },
		func(ctx context.Context) (err error) { main, err = a.Network.MainRouteTables(ctx); return err },
	)
	if err != nil {
		return resource.SubnetFaults{}
	}
	return subnetFaults(ids, subnets, own, main)
}

// subnetFaults returns what is wrong with the subnets, by those that exist, by the route tables that they have as their own, and by the main ones.
func subnetFaults(ids []string, subnets []ec2.Resource, own, main []ec2.RouteTable) (faults resource.SubnetFaults) {
	for _, id := range ids {
		at := slices.IndexFunc(subnets, func(s ec2.Resource) bool { return s.ID == id })
		if at < 0 {
			faults.Missing = append(faults.Missing, id)
			continue
		}
		table := slices.IndexFunc(own, func(t ec2.RouteTable) bool { return slices.Contains(t.Subnets, id) })
		tables := own
		if table < 0 {
			table = slices.IndexFunc(main, func(t ec2.RouteTable) bool { return t.Main && t.VPC == subnets[at].VPC })
			tables = main
		}
		if table >= 0 && !leadsOut(tables[table]) {
			faults.Isolated = append(faults.Isolated, id)
		}
	}
	return faults
}

// leadsOut reports whether tasks, which have no public address, may reach something outside the VPC by the table: by a default route, unless that is
// an internet gateway, which drops IPv4 from private addresses; or by what a prefix list stands for, such as an endpoint for S3, which is where there
// are endpoints for ECR.
func leadsOut(t ec2.RouteTable) bool {
	return slices.ContainsFunc(t.Routes, func(r ec2.Route) bool {
		switch {
		case r.Blackhole, r.Gateway == "local":
			return false
		case r.Destination == "0.0.0.0/0":
			return !strings.HasPrefix(r.Gateway, "igw-")
		}
		return r.Destination == "::/0" || strings.HasPrefix(r.Destination, "pl-")
	})
}
