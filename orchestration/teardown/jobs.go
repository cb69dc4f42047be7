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

// KindDeleteJobs is the kind of the operations that delete a managed task definition.
const KindDeleteJobs = "delete task definition"

// JobsOutput is the managed task definition that is deleted, as it was found; nil for what was gone by then.
type JobsOutput struct {
	Cluster        *awsecs.Cluster
	TaskDefinition *awsecs.TaskDefinition
}

// jobs is the deletion of a managed task definition. What a service's teardown does with what is left, it does as well.
type jobs struct {
	*teardown
	family    string
	recursive bool
	force     bool
	home      *awsecs.Cluster // nil if it is gone
	newest    *awsecs.DescribeTaskDefinitionOutput
	running   []string // ARNs of its tasks
}

// DeleteJobs deletes a managed task definition in the background: its revisions; with force the tasks that run are stopped, without it they are a Conflict.
// Recursive also tears down its credentials and, once nothing is left in it, the cluster with its role, by the rules of a service's teardown. It returns the
// operation, and the same one when the request is repeated meanwhile. Repeated after an interruption, it continues with what is left; NotFound means that
// nothing is. A newest revision that is not in the state that the request expects is an ETagMismatch.
func (o *Teardowns) DeleteJobs(ctx context.Context, cluster, family string, recursive, force bool, match etag.Condition) (*JobsOutput, *operations.Operation, error) {
	j := o.newJobs(jobsArgs{cluster, family, resource.NewID(), recursive, force})
	j.match = match
	op, err := j.delete(ctx)
	if err != nil {
		return nil, nil, common.Wrapf(err, "delete task definition %s in cluster %s", family, cluster)
	}
	return j.output(), op, nil
}

// jobsArgs is what the job that deletes a managed task definition needs to know.
type jobsArgs struct {
	Cluster   string `json:"cluster"`
	Family    string `json:"family"`
	ID        string `json:"id"` // of the request: what a later one created or adopted stays
	Recursive bool   `json:"recursive,omitempty"`
	Force     bool   `json:"force,omitempty"`
}

func (o *Teardowns) newJobs(args jobsArgs) *jobs {
	j := &jobs{
		teardown:  &teardown{o: o, cluster: args.Cluster, name: resource.ForJobs(args.Family), id: args.ID, service: &awsecs.Service{}, family: args.Family},
		family:    args.Family,
		recursive: args.Recursive, force: args.Force,
	}
	j.deregistered = j.stop
	return j
}

// runDeleteJobs does the job of a deletion. Whatever of it is done already is found so.
func (o *Teardowns) runDeleteJobs(ctx context.Context, job operations.Job) (json.RawMessage, error) {
	var args jobsArgs
	if err := json.Unmarshal(job.Args, &args); err != nil {
		return nil, common.Errorf(common.Internal, "read the job of operation %s: %w", job.Operation, err)
	}
	j := o.newJobs(args)
	if err := j.lookForDelete(ctx); err != nil {
		return nil, err
	}
	if err := j.run(ctx); err != nil {
		return nil, err
	}
	return encode(j.output())
}

func (j *jobs) output() *JobsOutput {
	out := &JobsOutput{Cluster: j.home}
	if j.newest != nil {
		out.TaskDefinition = j.newest.TaskDefinition
	}
	return out
}

func (j *jobs) delete(ctx context.Context) (*operations.Operation, error) {
	tx, err := j.o.transactions.BeginJobs(ctx, j.cluster, j.family, nil)
	if err != nil {
		op, ok := j.o.transactions.Background.Working(ctx, j.o.transactions.Account.Name, KindDeleteJobs, transaction.JobsTarget(j.cluster, j.family))
		if !ok {
			return nil, err
		}
		return &op, j.lookForDelete(ctx)
	}
	defer tx.End()
	ctx, cancel := transaction.Detached(ctx, deleteTime)
	defer cancel()
	if err := j.lookForDelete(ctx); err != nil {
		return nil, err
	}
	if err := j.check(ctx); err != nil {
		return nil, err
	}
	job, running, err := tx.Job(ctx, KindDeleteJobs, teardownTime, jobsArgs{j.cluster, j.family, j.id, j.recursive, j.force})
	if err != nil || running != nil {
		return running, err
	}
	op, err := tx.HandOver(ctx, job, j.output())
	return &op, err
}

// lookForDelete reads the cluster, the newest revision and the tasks that run, at the same time. What is another org's is NotFound.
func (j *jobs) lookForDelete(ctx context.Context) error {
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			j.home, err = j.o.transactions.Account.ECS.Cluster(ctx, j.cluster)
			return resource.IgnoreNotFound(err)
		},
		func(ctx context.Context) (err error) {
			j.newest, err = j.o.transactions.Account.ECS.TaskDefinition(ctx, j.family)
			return resource.IgnoreNotFound(err)
		},
		func(ctx context.Context) (err error) {
			j.running, err = j.runningTasks(ctx)
			return err
		},
	)
	switch {
	case err != nil:
		return err
	case j.home != nil && !ecs.ToTags(j.home.Tags).VisibleTo(j.o.transactions.Account.Org):
		return j.gone()
	case resource.RevisionState(j.newest) != nil && !space.IsJobs(ecs.ToTags(j.newest.Tags), j.o.transactions.Account.Org, j.cluster):
		return j.gone()
	}
	return nil
}

// runningTasks returns the tasks of the family that run in the cluster; none if there is no such cluster.
func (j *jobs) runningTasks(ctx context.Context) ([]string, error) {
	arns, err := j.o.transactions.Account.ECS.ListTasks(ctx, ecs.TaskFilter{Cluster: j.cluster, Family: j.family})
	return arns, resource.IgnoreNotFound(err)
}

func (j *jobs) gone() error {
	return common.Errorf(common.NotFound, "there is no managed task definition %s in cluster %s", j.family, j.cluster)
}

// check is a Conflict for what is used, and NotFound if nothing is left to delete.
func (j *jobs) check(ctx context.Context) error {
	if err := j.matches(); err != nil {
		return err
	}
	used, err := j.o.usageByOthers(ctx, j.cluster, j.name, false)
	if err != nil {
		return err
	}
	for arn := range used.revisions {
		if account.FamilyOf(arn) == j.family {
			return common.Coded(common.CodeInUse, "a service runs task definition %s; delete or update the service first", account.NameOf(arn))
		}
	}
	if resource.RevisionState(j.newest) == nil {
		found, err := j.look(ctx)
		if err != nil {
			return err
		}
		if len(found.revisions) == 0 && (!j.recursive || found.nothing()) {
			return j.gone()
		}
	}
	if n := len(j.running); n > 0 && !j.force {
		return common.Coded(common.CodeInUse, "tasks of task definition %s run, %d of them; wait until they end, or repeat the request with force=true to stop them", j.family, n)
	}
	return nil
}

// run deletes what there is, in the order that AWS allows. A run locks nothing, as many run at once, on several servers even: so the tasks are stopped once
// before the revisions are deregistered, and those that were started until then once more. After that, ECS starts none.
func (j *jobs) run(ctx context.Context) error {
	if _, err := saga.Named("stop tasks", saga.NoRollback(j.stop))(ctx); err != nil {
		return err
	}
	if j.recursive {
		return j.tearDownAll(ctx)
	}
	found, err := j.look(ctx)
	if err != nil {
		return err
	}
	_, err = j.decideJobs(found).Apply()(ctx)
	return err
}

// stop stops the tasks that run and waits until they have stopped.
func (j *jobs) stop(ctx context.Context) error {
	arns, err := j.runningTasks(ctx)
	if err != nil || len(arns) == 0 {
		return err
	}
	if !j.force {
		return common.Coded(common.CodeConcurrentChange, "a task of task definition %s was started meanwhile", j.family)
	}
	for _, arn := range arns {
		if _, err := j.o.transactions.Account.ECS.StopTask(ctx, j.cluster, arn, "its task definition is deleted"); resource.IgnoreNotFound(err) != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	return j.o.transactions.Account.Backoff.Until(ctx, func() (bool, error) {
		out, err := j.o.transactions.Account.ECS.DescribeTasks(ctx, j.cluster, arns)
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
