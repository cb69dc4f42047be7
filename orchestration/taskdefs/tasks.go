package taskdefs

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
)

// ListTasks returns the tasks of a managed task definition as cluster/id: those with one of the statuses, RUNNING unless given, that startedBy started, if
// it is not empty.
func (d *TaskDefinitions) ListTasks(ctx context.Context, cluster, family string, statuses []string, startedBy string) ([]string, error) {
	if len(statuses) == 0 {
		statuses = []string{awsecs.DesiredStatusRunning}
	}
	found := make([][]string, len(statuses))
	reads := []func(context.Context) error{func(ctx context.Context) error {
		_, err := d.Show(ctx, cluster, family)
		return err
	}}
	for i, status := range statuses {
		reads = append(reads, func(ctx context.Context) (err error) {
			found[i], err = d.listTasks(ctx, cluster, family, status, startedBy)
			return err
		})
	}
	if err := common.Concurrently(ctx, reads...); err != nil {
		return nil, account.Hide(err, "managed task definition", family+" in cluster "+cluster)
	}
	ids := []string{}
	for _, arn := range slices.Concat(found...) {
		if id := shortName(cluster, arn); !slices.Contains(ids, id) { // it may have stopped between the calls
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// listTasks returns the ARNs of the family's tasks with the status. ECS lists by one of family and startedBy.
func (d *TaskDefinitions) listTasks(ctx context.Context, cluster, family, status, startedBy string) ([]string, error) {
	if startedBy == "" {
		return d.account.ECS.ListTasks(ctx, ecs.TaskFilter{Cluster: cluster, Family: family, Status: status})
	}
	arns, err := d.account.ECS.ListTasks(ctx, ecs.TaskFilter{Cluster: cluster, StartedBy: startedBy, Status: status})
	if err != nil || len(arns) == 0 {
		return nil, err
	}
	out, err := d.account.ECS.DescribeTasks(ctx, cluster, arns)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, task := range out.Tasks {
		if account.FamilyOf(aws.StringValue(task.TaskDefinitionArn)) == family {
			found = append(found, aws.StringValue(task.TaskArn))
		}
	}
	return found, nil
}

// ShowTask returns a task of a managed task definition, by its id or ARN.
func (d *TaskDefinitions) ShowTask(ctx context.Context, cluster, family, ref string) (*awsecs.Task, error) {
	var task *awsecs.Task
	err := common.Concurrently(ctx,
		func(ctx context.Context) error {
			_, err := d.Show(ctx, cluster, family)
			return err
		},
		func(ctx context.Context) (err error) {
			task, err = d.tasks.Show(ctx, cluster, ref)
			return err
		},
	)
	if err == nil && account.FamilyOf(aws.StringValue(task.TaskDefinitionArn)) != family {
		err = account.NoSuch("task", account.NameOf(ref)+" of task definition "+family)
	}
	return task, err
}

// StopTask stops a task of a managed task definition, and returns it as it is then. One that has stopped is returned as it is. The reason is shown with
// the task; it may be empty.
func (d *TaskDefinitions) StopTask(ctx context.Context, cluster, family, ref, reason string) (*awsecs.Task, error) {
	task, err := d.ShowTask(ctx, cluster, family, ref)
	if err != nil || aws.StringValue(task.LastStatus) == awsecs.DesiredStatusStopped {
		return task, err
	}
	stopped, err := d.account.ECS.StopTask(ctx, cluster, account.NameOf(aws.StringValue(task.TaskArn)), reason)
	if common.Is(err, common.NotFound) { // it has ended, and ECS has forgotten it
		return task, nil
	}
	return stopped, err
}
