// Package launch starts tasks with RunTask. It owns one rule: a request starts its tasks once (it is idempotent by its Idempotency-Key, which ECS's client token derives from), or, where it fails, none that keeps running.
package launch

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/google/uuid"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
)

// Time is how long it may take to start tasks, what AWS refuses for now included.
const Time = 3 * time.Minute

// stopReason is what ECS shows as the reason of tasks that a rollback has stopped.
const stopReason = "ecs-api: the request that started it failed"

// Launch is a request to start tasks.
type Launch struct {
	Account *account.Account
	Key     resource.Key // of the request
	// Input says what is started. Its client token makes all attempts start one set of tasks. By its ownership tag a rollback finds the tasks whose
	// response was lost: without that tag they keep running.
	Input *awsecs.RunTaskInput
}

// Started is what a request has started.
type Started struct {
	Tasks    []*awsecs.Task // one at least
	Failures []*awsecs.Failure
	Replayed bool // an earlier request with the same Idempotency-Key started them, and its response was lost
}

// Run starts the tasks. Its rollback stops them, also those whose response AWS did not deliver. Tasks that an earlier request with the same Idempotency-Key
// started are not started again, unless a rollback has stopped them.
func (l Launch) Run(ctx context.Context) (*Started, saga.Rollback, error) {
	for in := *l.Input; ; {
		out, rollback, err := l.run(ctx, &in)
		before := ecs.StartedBefore(err)
		if err == nil {
			return &Started{Tasks: out.Tasks, Failures: out.Failures}, rollback, nil
		}
		if !l.Key.Given() || len(before) == 0 {
			return nil, rollback, err
		}
		found, err := l.startedBefore(ctx, before, err)
		if err != nil || len(found) > 0 {
			return &Started{Tasks: found, Failures: []*awsecs.Failure{}, Replayed: true}, nil, err
		}
		// All repetitions of the request derive the same token, and so start one set of tasks.
		in.ClientToken = aws.String(uuid.NewSHA1(uuid.NameSpaceURL, []byte(aws.StringValue(in.ClientToken)+before[0])).String())
	}
}

// run is one RunTask.
func (l Launch) run(ctx context.Context, in *awsecs.RunTaskInput) (*awsecs.RunTaskOutput, saga.Rollback, error) {
	var out *awsecs.RunTaskOutput
	err := l.Account.Backoff.Retry(ctx, func() (err error) {
		out, err = l.Account.ECS.RunTask(ctx, in)
		return err
	}, common.ServiceLinkedRole, common.RoleNotAssumable, common.ClusterNotVisible)
	switch {
	case err != nil && common.Ambiguous(err):
		return nil, l.stopUnknown, err
	case err != nil:
		return nil, nil, err
	case len(out.Tasks) == 0:
		return nil, nil, common.Coded(common.CodeNoTaskStarted, "no task was started: %s", Reasons(out.Failures))
	}
	var arns []string
	for _, task := range out.Tasks {
		arns = append(arns, aws.StringValue(task.TaskArn))
	}
	return out, func(ctx context.Context) error { return l.stop(ctx, arns) }, nil
}

// startedBefore returns the tasks with the ARNs that a request with the same key started, but none that a rollback has stopped. AWS refused to start them
// again. It is that error if AWS does not show them any more.
func (l Launch) startedBefore(ctx context.Context, arns []string, refused error) ([]*awsecs.Task, error) {
	shown, err := l.Account.ECS.DescribeTasks(ctx, l.cluster(), arns)
	if err != nil {
		return nil, err
	}
	var found []*awsecs.Task
	stopped := false
	for _, task := range shown.Tasks {
		switch same, err := l.Key.Find(ecs.ToTags(task.Tags)); {
		case err != nil:
			return nil, err
		case !same:
		case aws.StringValue(task.StoppedReason) == stopReason:
			stopped = true
		default:
			found = append(found, task)
		}
	}
	if len(found) == 0 && !stopped {
		return nil, common.Wrapf(refused, "AWS does not show any more what this request has started before")
	}
	return found, nil
}

// stopUnknown stops what the request has started, as far as its ownership tag tells.
func (l Launch) stopUnknown(ctx context.Context) error {
	owner, ok := ecs.ToTags(l.Input.Tags).Get(common.TagRequest)
	if !ok {
		return nil
	}
	filter := ecs.TaskFilter{Cluster: l.cluster(), StartedBy: aws.StringValue(l.Input.StartedBy)}
	if filter.StartedBy == "" { // ECS lists by one of them
		filter.Family = account.FamilyOf(aws.StringValue(l.Input.TaskDefinition))
	}
	listed, err := l.Account.ECS.ListTasks(ctx, filter)
	if err != nil || len(listed) == 0 {
		return common.Wrapf(err, "tasks that the request may have started")
	}
	shown, err := l.Account.ECS.DescribeTasks(ctx, l.cluster(), listed)
	if err != nil {
		return common.Wrapf(err, "tasks that the request may have started")
	}
	var arns []string
	for _, task := range shown.Tasks {
		if tag, _ := ecs.ToTags(task.Tags).Get(common.TagRequest); tag == owner {
			arns = append(arns, aws.StringValue(task.TaskArn))
		}
	}
	return l.stop(ctx, arns)
}

// stop stops the tasks with the ARNs.
func (l Launch) stop(ctx context.Context, arns []string) error {
	for _, arn := range arns {
		if _, err := l.Account.ECS.StopTask(ctx, l.cluster(), account.NameOf(arn), stopReason); resource.IgnoreNotFound(err) != nil {
			return common.Wrapf(err, "task %s", account.NameOf(arn))
		}
	}
	return nil
}

func (l Launch) cluster() string { return aws.StringValue(l.Input.Cluster) }

// Reasons returns what ECS says of tasks that it did not start, each reason once.
func Reasons(failures []*awsecs.Failure) string {
	var all []string
	for _, f := range failures {
		text := aws.StringValue(f.Reason)
		if detail := aws.StringValue(f.Detail); detail != "" {
			text += " (" + detail + ")"
		}
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return cmp.Or(strings.Join(all, "; "), "AWS gives no reason")
}
