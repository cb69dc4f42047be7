package oneoff

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/observe"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
)

// KindRun is the kind of the operations that stop one-off tasks at their timeouts.
const KindRun = "run task"

// run is a one-off task that this server watches.
type run struct {
	r                *Runner
	cluster, service string
	stopAt           time.Time
	operation        string
	ended            chan struct{} // closed when nobody watches it any more

	mu       sync.Mutex
	task     *awsecs.Task // as it was seen last; nil before it has started
	timedOut bool
}

// reserve counts a task among those that are watched.
func (r *Runner) reserve(t *run) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.watched) >= maxWatched {
		return common.Errorf(common.Unavailable, "%d one-off tasks run, and the server takes no more; retry later", len(r.watched))
	}
	r.watched[t] = true
	return nil
}

func (r *Runner) release(t *run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.watched, t)
}

// see notes how the task is.
func (t *run) see(task *awsecs.Task) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.task = task
}

// latest returns how the task was when it was seen last.
func (t *run) latest() *awsecs.Task {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.task
}

// stopTime is how long a task may take to stop, and AWS to let us stop it.
const stopTime = 30 * time.Minute

// watch begins to watch the task, in the background: until it has stopped, or is stopped at its timeout.
func (t *run) watch(ctx context.Context) error {
	limit := t.stopAt.Sub(t.r.now()) + stopTime
	op, err := t.r.transactions.Background.Start(ctx, operations.Operation{
		Kind: KindRun, Target: t.cluster + "/" + t.service, Account: t.r.account.Name,
		Remedy: "the task keeps running, and another server stops it at its timeout",
	}, limit,
		t.follow, func() {
			t.r.release(t)
			close(t.ended)
		})
	t.operation = op.ID
	return err
}

// How often a task is looked at: often at first, as short ones are waited for, and then in proportion to how long it has run.
const (
	firstLook = time.Second
	lastLook  = 15 * time.Second
)

// follow looks at the task until it has stopped, and stops it when its time is over.
func (t *run) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	closing := t.r.transactions.Background.Closing()
	go func() {
		select {
		case <-closing:
			cancel(errClosing)
		case <-ctx.Done():
		}
	}()
	began := t.r.now()
	for {
		err := t.look(ctx)
		if err == nil && t.stopped() {
			return nil
		}
		now := t.r.now()
		pause := min(max(firstLook, now.Sub(began)/10), lastLook)
		if left := t.stopAt.Sub(now); left > 0 {
			pause = min(pause, left)
		} else if !t.isTimedOut() {
			err = t.stop(ctx)
		}
		if waitErr := t.r.wait(ctx, pause); waitErr != nil {
			if cause := context.Cause(ctx); errors.Is(cause, errClosing) {
				return errClosing
			}
			return common.Wrapf(firstOf(err, waitErr), "stop task %s", account.NameOf(aws.StringValue(t.latest().TaskArn)))
		}
	}
}

// errClosing ends a watch when the server shuts down: the next one that starts continues it.
var errClosing = common.Errorf(common.Unavailable, "the server was shut down; the next one to start stops the task at its timeout")

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// look reads the task. ECS may not show it yet.
func (t *run) look(ctx context.Context) error {
	out, err := t.r.account.ECS.DescribeTasks(ctx, t.cluster, []string{account.NameOf(aws.StringValue(t.latest().TaskArn))})
	if err != nil {
		return err
	}
	for _, task := range out.Tasks {
		if task != nil {
			t.see(task)
		}
	}
	return nil
}

func (t *run) stopped() bool {
	return aws.StringValue(t.latest().LastStatus) == awsecs.DesiredStatusStopped
}

func (t *run) isTimedOut() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.timedOut
}

// stop stops the task because its time is over.
func (t *run) stop(ctx context.Context) error {
	reason := fmt.Sprintf("ecs-api: its timeout was over at %s", t.stopAt.Format(time.RFC3339))
	_, err := t.r.account.ECS.StopTask(ctx, t.cluster, account.NameOf(aws.StringValue(t.latest().TaskArn)), reason)
	if resource.IgnoreNotFound(err) != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timedOut = true
	return nil
}

// Run starts a one-off task of the service, and waits until it has stopped, but no longer than wait. A caller who hangs up does not stop it.
func (r *Runner) Run(ctx context.Context, cluster, service string, in *Input, wait time.Duration) (*Output, error) {
	t, err := r.start(ctx, cluster, service, in)
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	if wait > 0 {
		select {
		case <-t.ended:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return t.output(ctx, t.container, wait > 0, t.replayed), nil
}

// output returns the task as responses show it.
func (t *run) output(ctx context.Context, container string, logs, replayed bool) *Output {
	shown := observe.ShownTask(t.latest())
	out := &Output{
		Task: shown.Id, TaskArn: t.latest().TaskArn, TaskDefinition: shown.TaskDefinition, Container: container, StartedBy: t.latest().StartedBy,
		State: shown.LastStatus, Reason: shown.StoppedReason, TimedOut: t.isTimedOut(), StopAt: t.stopAt, Containers: shown.Containers, Logs: []Line{}, Operation: t.operation, Replayed: replayed,
	}
	for _, c := range shown.Containers {
		if aws.StringValue(c.Name) == container {
			out.ExitCode = c.ExitCode
			if aws.StringValue(c.Reason) != "" {
				out.Reason = c.Reason
			}
		}
	}
	if !logs {
		return out
	}
	lines, err := t.r.logs.Tail(ctx, t.latest(), container, lastLines)
	if err != nil {
		out.LogsProblem = aws.String(common.Public(err))
	}
	for _, e := range lines {
		out.Logs = append(out.Logs, Line{e.Timestamp, e.Message})
	}
	return out
}
