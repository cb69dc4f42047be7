package observe

import (
	"context"
	"time"

	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/saga"
)

// AfterWrite waits up to timeout for the effect of a write, and returns the deployment that it has started, nil for none, as it is then: with its outcome,
// if it has one. A write that has only changed how many tasks run is no deployment: its counts in service are those of then. The write itself is done, so
// that its effect cannot be watched is no error.
func (o *Observer) AfterWrite(ctx context.Context, service *awsecs.Service, d *Deployment, timeout time.Duration) *Deployment {
	if timeout == 0 {
		return d
	}
	at := target{account.NameOf(*service.ClusterArn), *service.ServiceName}
	if d == nil {
		o.awaitCounts(ctx, at, service, timeout)
		return nil
	}
	o.Written(at.cluster, at.service)
	var result *Result
	_, err := saga.Named("wait for the deployment", func(ctx context.Context) (_ saga.Rollback, err error) {
		result, err = o.Wait(ctx, at.cluster, at.service, d.Id, timeout)
		return nil, err
	})(ctx)
	if err != nil || result.Deployment == nil {
		return d
	}
	out := *result.Deployment
	out.Problems = result.Problems
	return &out
}

// awaitCounts waits until as many tasks run as are wanted, and keeps the counts in service.
func (o *Observer) awaitCounts(ctx context.Context, at target, service *awsecs.Service, timeout time.Duration) {
	if *service.RunningCount == *service.DesiredCount && *service.PendingCount == 0 {
		return
	}
	o.Written(at.cluster, at.service)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_ = o.Watch(ctx, at.cluster, at.service, func(s *Status) error {
		if s.RunningCount == s.DesiredCount && s.PendingCount == 0 {
			cancel()
		}
		service.RunningCount, service.PendingCount = new(s.RunningCount), new(s.PendingCount)
		return nil
	})
}
