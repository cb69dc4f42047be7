// Package loadbalancers shows the load balancers of a space, with what they send where and how the targets are, and the target groups that a
// service can be put into. It owns one rule: shown is only what carries our org's tag by the word of Elastic Load Balancing itself. The tagging
// API, which finds it, is late to know what has changed.
package loadbalancers

import (
	"context"
	"strings"

	"ecs-api/common"
	"ecs-api/orchestration/account"
)

// The resource types by which the tagging API knows what is shown here.
const (
	typeLoadBalancer = "elasticloadbalancing:loadbalancer"
	typeTargetGroup  = "elasticloadbalancing:targetgroup"
)

// CheckSpace returns what is wrong with the name of a space.
func CheckSpace(field, space string) error {
	var p common.Problems
	account.CheckName(&p, field, space)
	return p.Err()
}

// TargetGroups returns the ARNs of the target groups of a space by their names, or, if the space is empty, of all spaces of the org. It takes two
// rounds of calls. There may be none.
func TargetGroups(ctx context.Context, a *account.Account, space string) (map[string]string, error) {
	wanted := common.Tags{{Key: common.TagOrg, Value: a.Org}}
	if space != "" {
		if err := CheckSpace("space", space); err != nil {
			return nil, err
		}
		wanted = append(wanted, common.Tag{Key: common.TagSpace, Value: space})
	}
	arns, err := find(ctx, a, wanted, typeTargetGroup)
	if err != nil {
		return nil, err
	}
	tags, err := a.LoadBalancers.Tags(ctx, arns)
	if err != nil {
		return nil, err
	}
	groups := map[string]string{}
	for arn, have := range tags {
		if carries(have, wanted) {
			groups[groupName(arn)] = arn
		}
	}
	return groups, nil
}

// find returns the ARNs of what carries the tags, as far as the tagging API knows.
func find(ctx context.Context, a *account.Account, wanted common.Tags, kind string) ([]string, error) {
	found, err := a.Tagging.Find(ctx, wanted, kind)
	if err != nil {
		return nil, err
	}
	var arns []string
	for _, resource := range found {
		arns = append(arns, resource.ARN)
	}
	return arns, nil
}

// carries reports whether something has all of the wanted tags.
func carries(have, wanted common.Tags) bool { return len(have.Changed(wanted)) == 0 }

// groupName returns the name in the ARN of a target group: arn:…:targetgroup/NAME/ID.
func groupName(arn string) string {
	_, rest, _ := strings.Cut(arn, ":targetgroup/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}
