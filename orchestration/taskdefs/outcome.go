package taskdefs

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/diagnosis"
	"ecs-api/orchestration/logs"
	"ecs-api/orchestration/observe"
)

// lastLines is how many lines of each container's log an outcome has.
const lastLines = 100

// How often tasks are looked at that somebody waits for: often at first, as most are short, and then in proportion to how long they have run.
const (
	firstLook = time.Second
	lastLook  = 15 * time.Second
)

// await returns the tasks as they are once all have stopped, or the wait is over. That they cannot be looked at does not fail the run: they were started.
func (d *TaskDefinitions) await(ctx context.Context, cluster string, tasks []*awsecs.Task, wait time.Duration) []*awsecs.Task {
	var arns []string
	for _, task := range tasks {
		arns = append(arns, aws.StringValue(task.TaskArn))
	}
	for began := d.now(); ; {
		tasks = d.seen(ctx, cluster, arns, tasks)
		running := slices.ContainsFunc(tasks, func(t *awsecs.Task) bool { return aws.StringValue(t.LastStatus) != awsecs.DesiredStatusStopped })
		waited := d.now().Sub(began)
		if !running || waited >= wait || d.wait(ctx, min(max(firstLook, waited/10), lastLook, wait-waited)) != nil {
			return tasks
		}
	}
}

// seen returns the tasks as ECS shows them now; one that it does not show, or does not yet, as it was before.
func (d *TaskDefinitions) seen(ctx context.Context, cluster string, arns []string, before []*awsecs.Task) []*awsecs.Task {
	out, err := d.account.ECS.DescribeTasks(ctx, cluster, arns)
	if err != nil {
		return before
	}
	now := slices.Clone(before)
	for _, task := range out.Tasks {
		if i := slices.Index(arns, aws.StringValue(task.TaskArn)); i >= 0 {
			now[i] = task
		}
	}
	return now
}

// outcomes returns how the tasks are, with the last lines of their logs.
func (d *TaskDefinitions) outcomes(ctx context.Context, tasks []*awsecs.Task) []Outcome {
	out := make([]Outcome, len(tasks))
	reads := make([]func(context.Context) error, len(tasks))
	for i, task := range tasks {
		reads[i] = func(ctx context.Context) error {
			out[i] = d.outcome(ctx, task)
			return nil
		}
	}
	_ = common.Concurrently(ctx, reads...) // none fails
	return out
}

func (d *TaskDefinitions) outcome(ctx context.Context, task *awsecs.Task) Outcome {
	o := Outcome{Task: observe.ShownTask(task), Logs: []logs.Event{}}
	for _, c := range o.Containers {
		lines, err := d.logs.Tail(ctx, task, aws.StringValue(c.Name), lastLines)
		o.Logs = append(o.Logs, lines...)
		if err != nil && common.ResponseCode(err) != common.CodeNotInCloudWatch { // that one logs elsewhere is its owner's choice
			o.LogsProblem = aws.String(common.Public(err))
		}
	}
	slices.SortStableFunc(o.Logs, func(a, b logs.Event) int { return a.Timestamp.Compare(b.Timestamp) })
	return o
}

// problems returns why tasks could not start, or failed.
func problems(tasks []*awsecs.Task, outcomes []Outcome) []diagnosis.Problem {
	last := map[diagnosis.LogKey]string{}
	for _, o := range outcomes {
		for _, line := range o.Logs {
			last[diagnosis.LogKey{Task: o.Id, Container: line.Container}] = line.Message
		}
	}
	return diagnosis.OfTasks(tasks, last)
}

// TaskOutput is a task of a managed task definition, in the form of AWS's output, with why it could not start, or failed.
type TaskOutput struct {
	awsecs.DescribeTasksOutput
	Problems []diagnosis.Problem
}

// NewTaskOutput returns what a response says of the task.
func NewTaskOutput(task *awsecs.Task) *TaskOutput {
	return &TaskOutput{
		awsecs.DescribeTasksOutput{Tasks: []*awsecs.Task{task}, Failures: []*awsecs.Failure{}}, diagnosis.OfTasks([]*awsecs.Task{task}, nil),
	}
}

// shortName returns the id of a task in the form of lists: cluster/id.
func shortName(cluster, arn string) string { return cluster + "/" + account.NameOf(arn) }
