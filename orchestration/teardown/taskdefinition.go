package teardown

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
	"ecs-api/orchestration/space"
	"ecs-api/orchestration/transaction"
)

// KindDeleteTaskDefinition is the kind of the operations that delete a managed task definition.
const KindDeleteTaskDefinition = "delete task definition"

// TaskDefinitionOutput is the managed task definition that is deleted, as it was found; nil for what was gone by then.
type TaskDefinitionOutput struct {
	Cluster        *awsecs.Cluster
	TaskDefinition *awsecs.TaskDefinition
}

// taskDefinitionDeletion is the deletion of a managed task definition. What a service's teardown does with what is left, it does as well.
type taskDefinitionDeletion struct {
	*teardown // family included
	recursive bool
	force     bool
	home      *awsecs.Cluster // nil if it is gone
	newest    *awsecs.DescribeTaskDefinitionOutput
	running   []string // ARNs of its tasks
}

// DeleteTaskDefinition deletes a managed task definition in the background: its revisions; with force the tasks that run are stopped, without it they
// are a Conflict. Recursive also tears down its credentials and, once nothing is left in it, the cluster with its role, by the rules of a service's
// teardown. It returns the operation, and the same one when the request is repeated meanwhile. Repeated after an interruption, it continues with what
// is left; NotFound means that nothing is. A newest revision that is not in the state that the request expects is an ETagMismatch.
func (d *Deleter) DeleteTaskDefinition(ctx context.Context, cluster, family string, recursive, force bool,
	match etag.Condition) (*TaskDefinitionOutput, *operations.Operation, error) {
	t := d.newTaskDefinition(taskDefinitionArgs{cluster, family, resource.NewID(), recursive, force})
	t.match = match
	op, err := t.deleteLocked(ctx)
	if err != nil {
		return nil, nil, common.Wrapf(err, "delete task definition %s in cluster %s", family, cluster)
	}
	return t.output(), op, nil
}

// taskDefinitionArgs is what the job that deletes a managed task definition needs to know.
type taskDefinitionArgs struct {
	Cluster   string `json:"cluster"`
	Family    string `json:"family"`
	ID        string `json:"id"` // of the request: what a later one created or adopted stays
	Recursive bool   `json:"recursive,omitempty"`
	Force     bool   `json:"force,omitempty"`
}

func (d *Deleter) newTaskDefinition(args taskDefinitionArgs) *taskDefinitionDeletion {
	t := &taskDefinitionDeletion{
		teardown: &teardown{
			deleter: d, account: d.transactions.Account, cluster: args.Cluster, name: resource.ForTaskDefinition(args.Family), id: args.ID,
			service: &awsecs.Service{}, family: args.Family,
		},
		recursive: args.Recursive, force: args.Force,
	}
	t.deregistered = t.stop
	return t
}

// runTaskDefinitionJob does the job of a deletion. Whatever of it is done already is found so.
func (d *Deleter) runTaskDefinitionJob(ctx context.Context, job operations.Job) (json.RawMessage, error) {
	var args taskDefinitionArgs
	if err := json.Unmarshal(job.Args, &args); err != nil {
		return nil, common.Errorf(common.Internal, "read the job of operation %s: %w", job.Operation, err)
	}
	t := d.newTaskDefinition(args)
	if err := t.lookForDelete(ctx); err != nil {
		return nil, err
	}
	if err := t.run(ctx); err != nil {
		return nil, err
	}
	return encode(t.output())
}

func (t *taskDefinitionDeletion) output() *TaskDefinitionOutput {
	out := &TaskDefinitionOutput{Cluster: t.home}
	if t.newest != nil {
		out.TaskDefinition = t.newest.TaskDefinition
	}
	return out
}

// deleteLocked locks what is deleted, and then deletes it, or hands that over to a job.
func (t *taskDefinitionDeletion) deleteLocked(ctx context.Context) (*operations.Operation, error) {
	tx, err := t.deleter.transactions.Begin(ctx, transaction.TaskDefinitionTarget(t.cluster, t.family), nil)
	if err != nil {
		op, ok := t.deleter.transactions.Repeats(ctx, err, KindDeleteTaskDefinition)
		if !ok {
			return nil, err
		}
		return &op, t.lookForDelete(ctx)
	}
	defer tx.End()
	ctx, cancel := transaction.Detached(ctx, deleteTime)
	defer cancel()
	if err := t.lookForDelete(ctx); err != nil {
		return nil, err
	}
	if err := t.check(ctx); err != nil {
		return nil, err
	}
	job, running, err := tx.Job(ctx, KindDeleteTaskDefinition, teardownTime, taskDefinitionArgs{t.cluster, t.family, t.id, t.recursive, t.force})
	if err != nil || running != nil {
		return running, err
	}
	op, err := tx.HandOver(ctx, job, t.output())
	if err != nil { // nothing has been deleted
		t.deleter.transactions.Background.Withdraw(ctx, job)
	}
	return &op, err
}

// lookForDelete reads the cluster, the newest revision and the tasks that run, at the same time. What is another org's is NotFound.
func (t *taskDefinitionDeletion) lookForDelete(ctx context.Context) error {
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			t.home, err = t.account.ECS.Cluster(ctx, t.cluster)
			return resource.IgnoreNotFound(err)
		},
		func(ctx context.Context) (err error) {
			t.newest, err = t.account.ECS.TaskDefinition(ctx, t.family)
			return resource.IgnoreNotFound(err)
		},
		func(ctx context.Context) (err error) {
			t.running, err = t.runningTasks(ctx)
			return err
		},
	)
	switch {
	case err != nil:
		return err
	case t.home != nil && !ecs.ToTags(t.home.Tags).VisibleTo(t.account.Org):
		return t.gone()
	case resource.RevisionState(t.newest) != nil && !space.IsManaged(ecs.ToTags(t.newest.Tags), t.account.Org, t.cluster):
		return t.gone()
	}
	return nil
}

// runningTasks returns the tasks of the family that run in the cluster; none if there is no such cluster.
func (t *taskDefinitionDeletion) runningTasks(ctx context.Context) ([]string, error) {
	arns, err := t.account.ECS.ListTasks(ctx, ecs.TaskFilter{Cluster: t.cluster, Family: t.family})
	return arns, resource.IgnoreNotFound(err)
}

func (t *taskDefinitionDeletion) gone() error {
	return common.Errorf(common.NotFound, "there is no managed task definition %s in cluster %s", t.family, t.cluster)
}

// check is a Conflict for what is used, and NotFound if nothing is left to delete.
func (t *taskDefinitionDeletion) check(ctx context.Context) error {
	if err := t.matches(); err != nil {
		return err
	}
	used, err := t.deleter.usageByOthers(ctx, t.cluster, t.name, false)
	if err != nil {
		return err
	}
	for arn := range used.revisions {
		if account.FamilyOf(arn) == t.family {
			return common.Coded(common.CodeInUse, "a service runs task definition %s; delete or update the service first", account.NameOf(arn))
		}
	}
	if resource.RevisionState(t.newest) == nil {
		found, err := t.look(ctx)
		if err != nil {
			return err
		}
		if len(found.revisions) == 0 && (!t.recursive || found.nothing()) {
			return t.gone()
		}
	}
	if n := len(t.running); n > 0 && !t.force {
		return common.Coded(common.CodeInUse, "tasks of task definition %s run, %d of them; wait until they end, or repeat the request with force=true to stop them", t.family, n)
	}
	return nil
}

// run deletes what there is, in the order that AWS allows. A run locks nothing, as many run at once, on several servers even: so the tasks are stopped once
// before the revisions are deregistered, and those that were started until then once more. After that, ECS starts none.
func (t *taskDefinitionDeletion) run(ctx context.Context) error {
	if _, err := saga.Named("stop tasks", saga.NoRollback(t.stop))(ctx); err != nil {
		return err
	}
	if t.recursive {
		return t.deleteAll(ctx)
	}
	found, err := t.look(ctx)
	if err != nil {
		return err
	}
	_, err = t.decideTaskDefinition(found).Apply()(ctx)
	return err
}

// stop stops the tasks that run and waits until they have stopped.
func (t *taskDefinitionDeletion) stop(ctx context.Context) error {
	arns, err := t.runningTasks(ctx)
	if err != nil || len(arns) == 0 {
		return err
	}
	if !t.force {
		return common.Coded(common.CodeConcurrentChange, "a task of task definition %s was started meanwhile", t.family)
	}
	for _, arn := range arns {
		if _, err := t.account.ECS.StopTask(ctx, t.cluster, arn, "its task definition is deleted"); resource.IgnoreNotFound(err) != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	return t.account.Backoff.Until(ctx, func() (bool, error) {
		out, err := t.account.ECS.DescribeTasks(ctx, t.cluster, arns)
		if err != nil {
			return common.Is(err, common.NotFound), resource.IgnoreNotFound(err)
		}
		for _, task := range out.Tasks {
			if aws.StringValue(task.LastStatus) != awsecs.DesiredStatusStopped {
				return false, nil
			}
		}
		return true, nil
	})
}

// stopTime is how long tasks may take to stop: Fargate kills a container two minutes after it was asked to end, at the latest.
const stopTime = 10 * time.Minute
