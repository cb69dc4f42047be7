package observe

import (
	"cmp"
	"context"
	"slices"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/diagnosis"
)

// readTargets reads the health of the service's tasks in its target groups, all at the same time. A group that is gone, or that our role may not
// look at, has no targets: events tell of the former.
func (o *Observer) readTargets(ctx context.Context, f *found) error {
	groups := targetGroups(f.service)
	read := make([][]diagnosis.Target, len(groups))
	var reads []func(context.Context) error
	for i, group := range groups {
		reads = append(reads, func(ctx context.Context) error {
			health, err := o.account.LoadBalancers.TargetHealth(ctx, group)
			switch common.KindOf(err) {
			case common.Timeout, common.Canceled:
				return err
			}
			for _, h := range health {
				if h == nil || h.Target == nil || h.TargetHealth == nil {
					continue
				}
				t := diagnosis.Target{
					TargetGroupArn: group, Id: common.Value(h.Target.Id), Port: common.Value(h.Target.Port), State: common.Value(h.TargetHealth.State),
					Reason: h.TargetHealth.Description, ReasonCode: common.Value(h.TargetHealth.Reason),
				}
				if common.Value(t.Reason) == "" {
					t.Reason = h.TargetHealth.Reason
				}
				read[i] = append(read[i], t)
			}
			return nil
		})
	}
	if err := common.Concurrently(ctx, reads...); err != nil {
		return err
	}
	f.targets = slices.Concat(read...)
	slices.SortFunc(f.targets, func(a, b diagnosis.Target) int {
		return cmp.Or(cmp.Compare(a.TargetGroupArn, b.TargetGroupArn), cmp.Compare(a.Id, b.Id), cmp.Compare(a.Port, b.Port))
	})
	return nil
}

// targetGroups returns the ARNs of the service's target groups, those of the other color of a blue/green deployment included, each once.
func targetGroups(service *awsecs.Service) []string {
	var all []string
	add := func(arn *string) {
		if common.Value(arn) != "" && !slices.Contains(all, *arn) {
			all = append(all, *arn)
		}
	}
	for _, lb := range service.LoadBalancers {
		if lb == nil {
			continue
		}
		add(lb.TargetGroupArn)
		if lb.AdvancedConfiguration != nil {
			add(lb.AdvancedConfiguration.AlternateTargetGroupArn)
		}
	}
	return all
}

// presentTargets returns the targets that are tasks which run: those of old tasks are no problem of the present.
func (f *found) presentTargets() []diagnosis.Target {
	addresses := map[string]bool{}
	for _, t := range f.tasks {
		if common.Value(t.LastStatus) != awsecs.DesiredStatusRunning || common.Value(t.DesiredStatus) != awsecs.DesiredStatusRunning {
			continue
		}
		for _, c := range t.Containers {
			for _, n := range c.NetworkInterfaces {
				addresses[common.Value(n.PrivateIpv4Address)] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(f.targets), func(t diagnosis.Target) bool { return !addresses[t.Id] })
}
