package oneoff

import (
	"context"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
)

// startedBefore is the error of a start whose task an earlier attempt of the same request started.
type startedBefore struct{ task *awsecs.Task }

func (e *startedBefore) Error() string {
	return "task " + aws.StringValue(e.task.TaskArn) + " was started by this request before"
}

// again returns the task as if it had been started now. It is watched, so that it is stopped at its timeout, unless it has stopped.
func (r *Runner) again(ctx context.Context, cluster, service string, task *awsecs.Task) (*run, error) {
	stopAt, err := stopAtOf(task)
	if err != nil {
		return nil, common.Errorf(common.Internal, "read when task %s is to be stopped: %w", aws.StringValue(task.TaskArn), err)
	}
	if t := r.watcher(account.NameOf(aws.StringValue(task.TaskArn))); t != nil {
		return t, nil
	}
	t := &run{r: r, cluster: cluster, service: service, stopAt: stopAt, ended: make(chan struct{}), task: task}
	if t.stopped() {
		close(t.ended)
		return t, nil
	}
	return t, r.watch(ctx, t)
}
