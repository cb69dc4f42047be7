package observe

import (
	"context"
	"time"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
)

// AfterDelete waits up to timeout until the tasks of a service that was deleted have stopped, and returns it as it is then: INACTIVE, unless the time is over.
// The delete itself is done, so that its effect cannot be watched is no error.
func (o *Observer) AfterDelete(ctx context.Context, cluster string, deleted *awsecs.Service, timeout time.Duration) *awsecs.Service {
	latest := deleted
	_, _ = saga.Named("wait until the tasks have stopped", saga.NoRollback(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		err := o.watchDraining(ctx, target{cluster, common.Value(deleted.ServiceName)}, func(now *awsecs.Service) bool {
			latest = afterDelete(deleted, now)
			return common.Value(latest.Status) == resource.StatusInactive
		})
		if err == nil && common.Value(latest.Status) != resource.StatusInactive {
			err = common.Errorf(common.Timeout, "they are still stopping")
		}
		return err
	}))(ctx)
	return latest
}

// watchDraining calls see with a service that was deleted, nil if it is gone, at once and after each poll until see returns true or ctx ends.
func (o *Observer) watchDraining(ctx context.Context, at target, see func(*awsecs.Service) bool) error {
	o.Written(at.cluster, at.service)
	p, err := o.subscribe(ctx, at)
	if err != nil {
		return err
	}
	defer p.leave()
	for {
		v := p.latest()
		switch {
		case v.polls > p.before && common.Is(v.err, common.NotFound):
			see(nil)
			return nil
		case v.found != nil && see(v.found.service), v.ended:
			return nil
		}
		select {
		case <-v.next:
		case <-ctx.Done():
			return nil
		}
	}
}

// Deleted returns a service that was deleted as it is now, or as it was where that cannot be read.
func (o *Observer) Deleted(ctx context.Context, cluster string, deleted *awsecs.Service) *awsecs.Service {
	now, err := o.account.ECS.Service(ctx, cluster, common.Value(deleted.ServiceName))
	if err != nil && !common.Is(err, common.NotFound) {
		return deleted
	}
	return afterDelete(deleted, now)
}

// afterDelete returns a service that was deleted as it is, given what ECS shows of its name now: nothing, another service even, or the deleted one as it was
// before, which says nothing yet of what has become of it.
func afterDelete(deleted, now *awsecs.Service) *awsecs.Service {
	switch {
	case now == nil || resource.IsAnother(now, deleted):
		return resource.Gone(deleted)
	case common.Value(now.Status) == resource.StatusActive:
		return deleted
	}
	return now
}
