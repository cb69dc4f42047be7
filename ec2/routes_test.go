package ec2_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/ec2"
	"ecs-api/localaws"
)

func TestRouteTables(t *testing.T) {
	c, simulator := start(t)
	local := ec2.Route{Destination: "10.0.0.0/16", Gateway: "local"}
	own, err := c.RouteTables(t.Context(), []string{localaws.SubnetA, localaws.SubnetC, "subnet-none"})
	if diff := cmp.Diff([]ec2.RouteTable{{VPC: localaws.VPC, Subnets: []string{localaws.SubnetC}, Routes: []ec2.Route{local}}}, own); err != nil || diff != "" {
		t.Errorf("tables of subnets: %v, %s", err, diff)
	}
	main, err := c.MainRouteTables(t.Context())
	if diff := cmp.Diff([]ec2.RouteTable{{VPC: localaws.VPC, Main: true, Routes: []ec2.Route{local, {Destination: "0.0.0.0/0"}}}}, main); err != nil || diff != "" {
		t.Errorf("main tables: %v, %s", err, diff)
	}
	before := len(simulator.Calls())
	if none, err := c.RouteTables(t.Context(), nil); err != nil || none != nil || len(simulator.Calls()) != before {
		t.Errorf("asking for none: %v, %v", none, err)
	}
}
