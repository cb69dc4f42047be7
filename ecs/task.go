package ecs

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs/sdk/ecs"
)

// maxTasks is how many tasks one call describes.
const maxTasks = 100

// TaskFilter says which tasks ListTasks returns. Empty fields do not filter, but an empty Status means RUNNING.
type TaskFilter struct {
	Cluster   string // name or ARN
	Service   string // name
	Family    string
	StartedBy string // it must be the only filter beside Cluster and Status
	Status    string // the desired status: RUNNING or STOPPED. ECS finds none that are PENDING.
	Most      int    // how many are wanted at most, to the next hundred; 0 for all
}

// RunTask starts tasks. The response's failures name those that found no place. A retry after a lost response starts none twice: the SDK sends a client
// token. See StartedBefore for one that is used again.
func (c *Client) RunTask(ctx context.Context, in *ecs.RunTaskInput) (*ecs.RunTaskOutput, error) {
	if in == nil {
		in = &ecs.RunTaskInput{}
	}
	out, err := c.api.RunTaskWithContext(ctx, in)
	if err != nil {
		return nil, common.FromAWS(err, "run task definition %q", aws.StringValue(in.TaskDefinition))
	}
	return out, nil
}

// StartedBefore returns the ARNs of the tasks that were started with the client token of a RunTask which ECS refused with err, because its parameters
// differ from those of the first one; none where err says anything else.
func StartedBefore(err error) []string {
	conflict, ok := errors.AsType[*ecs.ConflictException](err)
	if !ok {
		return nil
	}
	return aws.StringValueSlice(conflict.ResourceIds)
}

// StopTask stops a task, by its id or ARN. A stopped one is fine. The reason is shown to users of ECS; it may be empty.
func (c *Client) StopTask(ctx context.Context, cluster, task, reason string) (*ecs.Task, error) {
	out, err := c.api.StopTaskWithContext(ctx, &ecs.StopTaskInput{Cluster: optional(cluster), Task: aws.String(task), Reason: optional(reason)})
	if err != nil {
		return nil, common.FromAWS(err, "stop task %q in cluster %q", task, cluster)
	}
	return out.Task, nil
}

// ListTasks returns the ARNs of tasks.
func (c *Client) ListTasks(ctx context.Context, filter TaskFilter) ([]string, error) {
	in := &ecs.ListTasksInput{
		Cluster:       optional(filter.Cluster),
		ServiceName:   optional(filter.Service),
		Family:        optional(filter.Family),
		StartedBy:     optional(filter.StartedBy),
		DesiredStatus: optional(filter.Status),
		MaxResults:    aws.Int64(maxPage),
	}
	var arns []string
	for { // the SDK's own paging interprets a JMESPath for each page, and this is asked for twice whenever somebody looks at a service
		out, err := c.api.ListTasksWithContext(ctx, in)
		if err != nil {
			return nil, common.FromAWS(err, "list the tasks of cluster %q", filter.Cluster)
		}
		arns = append(arns, aws.StringValueSlice(out.TaskArns)...)
		if in.NextToken = out.NextToken; aws.StringValue(in.NextToken) == "" || filter.Most > 0 && len(arns) >= filter.Most {
			return arns, nil
		}
	}
}

// DescribeTasks returns the tasks with the given ids or ARNs, with their tags, and a failure with the reason MISSING for each that is
// not there. ECS forgets a stopped task after an hour or so.
func (c *Client) DescribeTasks(ctx context.Context, cluster string, tasks []string) (*ecs.DescribeTasksOutput, error) {
	all, err := c.tasks.describeAll(ctx, cluster, tasks)
	if err != nil {
		return nil, err
	}
	return &ecs.DescribeTasksOutput{Tasks: all.things, Failures: all.failures}, nil
}

// describeTasks makes one call.
func (c *Client) describeTasks(ctx context.Context, cluster string, tasks []string) (found[ecs.Task], error) {
	out, err := c.api.DescribeTasksWithContext(ctx, &ecs.DescribeTasksInput{
		Cluster: optional(cluster),
		Tasks:   aws.StringSlice(tasks),
		Include: aws.StringSlice([]string{ecs.TaskFieldTags}),
	})
	if err != nil {
		return found[ecs.Task]{}, common.FromAWS(err, "describe %s in cluster %q", things("task", tasks), cluster)
	}
	return found[ecs.Task]{out.Tasks, out.Failures}, nil
}
