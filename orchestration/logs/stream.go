package logs

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awslogs "github.com/aws/aws-sdk-go/service/cloudwatchlogs"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
)

// StreamQuery says which part of one stream is wanted, in the terms of GetLogEvents. The zero value of each optional field means no limit.
type StreamQuery struct {
	Task, Container string
	Limit           int64     // of events, up to 10,000; optional
	Token           string    // NextForwardToken or NextBackwardToken of an earlier response; optional
	Start, End      time.Time // optional
}

// Stream returns a part of what a container of one of a service's tasks has logged, the oldest first. A task that has not logged yet has an empty
// log; one that nobody knows is NotFound. Show reads the service.
func (r *Reader) Stream(ctx context.Context, cluster, name string, show func(context.Context) (*awsecs.Service, error),
	q StreamQuery) (*awslogs.GetLogEventsOutput, error) {
	var service *awsecs.Service
	var task *awsecs.Task
	err := common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			service, err = show(ctx)
			return err
		},
		func(ctx context.Context) error {
			out, err := r.account.ECS.DescribeTasks(ctx, cluster, []string{q.Task})
			if err == nil && len(out.Tasks) > 0 {
				task = out.Tasks[0]
			}
			if common.Is(err, common.NotFound) {
				return nil
			}
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	at, err := r.streamOf(ctx, cluster, name, service, task, q)
	if err != nil {
		return nil, err
	}
	out, err := r.readStream(ctx, at, account.NameOf(q.Task), q)
	switch {
	case err != nil && !common.Is(err, common.NotFound):
		return nil, err
	case err != nil && task == nil:
		return nil, common.Errorf(common.NotFound, "there is no task %s in service %s, or it is too long ago and has left no log of container %s",
			q.Task, name, q.Container)
	case err != nil:
		return &awslogs.GetLogEventsOutput{Events: []*awslogs.OutputLogEvent{}}, nil
	}
	if out.Events == nil {
		out.Events = []*awslogs.OutputLogEvent{}
	}
	return out, nil
}

// streamOf returns where the container of the task logs: as the task's own definition says, or, of a task that ECS has forgotten (nil), where
// the service's tasks log now, or by convention.
func (r *Reader) streamOf(ctx context.Context, cluster, name string, service *awsecs.Service, task *awsecs.Task, q StreamQuery) (place, error) {
	if task != nil {
		if common.Value(task.Group) != "service:"+name {
			return place{}, common.Errorf(common.NotFound, "task %s is not one of service %s", q.Task, name)
		}
		return r.placeOf(ctx, common.Value(task.TaskDefinitionArn), q.Container)
	}
	at, err := r.placeOf(ctx, common.Value(service.TaskDefinition), q.Container)
	switch common.KindOf(err) {
	case common.NotFound, common.Conflict: // the definition is another one now
		return place{q.Container, cluster, name}, nil
	}
	return at, err
}

// placeOf returns where a container of a task definition logs.
func (r *Reader) placeOf(ctx context.Context, definition, container string) (place, error) {
	out, err := r.account.RevisionCache.Body(ctx, definition)
	if err != nil {
		return place{}, err
	}
	all := []*awsecs.TaskDefinition{out.TaskDefinition}
	for _, p := range r.chosen(all, container) {
		return p, nil
	}
	for _, c := range out.TaskDefinition.ContainerDefinitions {
		if common.Value(c.Name) == container {
			return place{}, common.Coded(common.CodeNotInCloudWatch, "container %s does not log to CloudWatch Logs in %s", container, r.account.Region)
		}
	}
	return place{}, common.Errorf(common.NotFound, "there is no container %s in task definition %s", container, account.NameOf(definition))
}

// readStream reads a part of a task's stream; NotFound if there is none, or if the group is another org's.
func (r *Reader) readStream(ctx context.Context, at place, task string, q StreamQuery) (out *awslogs.GetLogEventsOutput, err error) {
	in := &awslogs.GetLogEventsInput{LogGroupName: aws.String(at.group), LogStreamName: aws.String(at.streams() + task), StartFromHead: aws.Bool(true)}
	if q.Limit > 0 {
		in.Limit = aws.Int64(q.Limit)
	}
	if q.Token != "" {
		in.NextToken = aws.String(q.Token)
	}
	if !q.Start.IsZero() {
		in.StartTime = aws.Int64(q.Start.UnixMilli())
	}
	if !q.End.IsZero() {
		in.EndTime = aws.Int64(q.End.UnixMilli())
	}
	ours := false
	err = common.Concurrently(ctx,
		func(ctx context.Context) (err error) {
			out, err = r.account.Logs.Events(ctx, in)
			return err
		},
		func(ctx context.Context) (err error) {
			ours, err = r.readable(ctx, at.group)
			return err
		},
	)
	if err == nil && !ours {
		return nil, common.Errorf(common.NotFound, "there is no log group %s", at.group)
	}
	return out, err
}
