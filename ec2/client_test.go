package ec2_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/common"
	"ecs-api/ec2"
	"ecs-api/localaws"
	"ecs-api/localaws/awstest"
)

// start returns a client of a simulated AWS.
func start(t *testing.T, opts ...localaws.Option) (*ec2.Client, *localaws.AWS) {
	t.Helper()
	sess, simulator := awstest.Session(t, opts...)
	return ec2.New(sess), simulator
}

func TestOnlyWhatExistsIsFound(t *testing.T) {
	c, simulator := start(t)
	subnets, err := c.Subnets(t.Context(), []string{localaws.SubnetB, "subnet-none", "nonsense"})
	if diff := cmp.Diff([]ec2.Resource{{ID: localaws.SubnetB, VPC: localaws.VPC}}, subnets); err != nil || diff != "" {
		t.Errorf("subnets: %v, %s", err, diff)
	}
	groups, err := c.SecurityGroups(t.Context(), []string{"sg-none", localaws.SecurityGroup})
	if diff := cmp.Diff([]ec2.Resource{{ID: localaws.SecurityGroup, VPC: localaws.VPC}}, groups); err != nil || diff != "" {
		t.Errorf("security groups: %v, %s", err, diff)
	}
	before := len(simulator.Calls())
	for _, list := range []func() ([]ec2.Resource, error){
		func() ([]ec2.Resource, error) { return c.Subnets(t.Context(), nil) },
		func() ([]ec2.Resource, error) { return c.SecurityGroups(t.Context(), nil) },
	} {
		if found, err := list(); err != nil || len(found) > 0 {
			t.Errorf("asking for none found %v, %v", found, err)
		}
	}
	if n := len(simulator.Calls()) - before; n > 0 {
		t.Errorf("asking for none made %d calls", n)
	}
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		operation, text string
		ask             func(*ec2.Client) error
	}{
		{"DescribeSubnets", "describe subnets: UnauthorizedOperation: ", func(c *ec2.Client) error {
			_, err := c.Subnets(t.Context(), []string{localaws.SubnetA})
			return err
		}},
		{"DescribeSecurityGroups", "describe security groups: UnauthorizedOperation: ", func(c *ec2.Client) error {
			_, err := c.SecurityGroups(t.Context(), []string{localaws.SecurityGroup})
			return err
		}},
	} {
		t.Run(test.operation, func(t *testing.T) {
			c, simulator := start(t)
			simulator.Inject(localaws.Fault{Operation: test.operation, Effect: localaws.Refuse, Code: "UnauthorizedOperation"})
			err := test.ask(c)
			if !common.Is(err, common.Internal) || len(err.Error()) < len(test.text) || err.Error()[:len(test.text)] != test.text {
				t.Errorf("got %v, want %s…", err, test.text)
			}
		})
	}
}
