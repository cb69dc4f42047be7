package orchestration

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awslogs "github.com/aws/aws-sdk-go/service/cloudwatchlogs"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
)

// LogQuery says which part of a container's log is wanted. The zero value of each optional field means no limit.
type LogQuery struct {
	Task, Container string
	Limit           int64     // of events, up to 10,000; optional
	Token           string    // NextForwardToken or NextBackwardToken of an earlier answer; optional
	Start, End      time.Time // optional
}

// Events returns a service's events, the newest first: AWS keeps a hundred.
func (o *Orchestrator) Events(ctx context.Context, cluster, name string) ([]*awsecs.ServiceEvent, error) {
	service, err := o.Show(ctx, cluster, name)
	if err != nil {
		return nil, err
	}
	return service.Events, nil
}

// logStream is where a container logs.
type logStream struct{ group, name string }

// Logs returns a part of what a container of one of the service's tasks has logged, the oldest first. A task that has not logged yet has
// an empty log; one that nobody knows is NotFound.
func (o *Orchestrator) Logs(ctx context.Context, cluster, name string, q LogQuery) (*awslogs.GetLogEventsOutput, error) {
	service, stream, known, err := o.findLog(ctx, cluster, name, q)
	if err != nil {
		return nil, err
	}
	if !known {
		if stream, err = o.conventionalLog(ctx, cluster, service, q); err != nil {
			return nil, err
		}
	}
	in := &awslogs.GetLogEventsInput{
		LogGroupName: aws.String(stream.group), LogStreamName: aws.String(stream.name), StartFromHead: aws.Bool(true),
	}
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
	out, err := o.account.Logs.Events(ctx, in)
	if common.Is(err, common.NotFound) {
		if !known {
			return nil, common.Errorf(common.NotFound, "there is no task %s in service %s, or it is too long ago and has left no log of container %s", q.Task, name, q.Container)
		}
		return &awslogs.GetLogEventsOutput{Events: []*awslogs.OutputLogEvent{}}, nil
	}
	if err == nil && out.Events == nil {
		out.Events = []*awslogs.OutputLogEvent{}
	}
	return out, err
}

// findLog returns the service and, if ECS still knows the task, where its container logs according to the task's own task definition.
func (o *Orchestrator) findLog(ctx context.Context, cluster, name string, q LogQuery) (service *awsecs.Service, stream logStream, known bool, err error) {
	var task *awsecs.Task
	_, err = saga.Together(
		saga.Do(func(ctx context.Context) (err error) {
			service, err = o.Show(ctx, cluster, name)
			return err
		}),
		saga.Do(func(ctx context.Context) error {
			out, err := o.account.ECS.DescribeTasks(ctx, cluster, []string{q.Task})
			if err == nil && len(out.Tasks) > 0 {
				task = out.Tasks[0]
			}
			return resource.IgnoreNotFound(err)
		}),
	)(ctx)
	if err != nil || task == nil {
		return service, stream, false, err
	}
	if aws.StringValue(task.Group) != "service:"+name {
		return service, stream, false, common.Errorf(common.NotFound, "task %s is not one of service %s", q.Task, name)
	}
	stream, err = o.logOf(ctx, aws.StringValue(task.TaskDefinitionArn), account.NameOf(aws.StringValue(task.TaskArn)), q.Container)
	return service, stream, true, err
}

// logOf returns where a container logs in a task that runs the task definition.
func (o *Orchestrator) logOf(ctx context.Context, definition, task, container string) (logStream, error) {
	def, err := o.account.ECS.TaskDefinition(ctx, definition)
	if err != nil {
		return logStream{}, err
	}
	for _, c := range def.TaskDefinition.ContainerDefinitions {
		if aws.StringValue(c.Name) != container {
			continue
		}
		options := map[string]string{}
		if c.LogConfiguration != nil && aws.StringValue(c.LogConfiguration.LogDriver) == awsecs.LogDriverAwslogs {
			options = aws.StringValueMap(c.LogConfiguration.Options)
		}
		if region := options["awslogs-region"]; options["awslogs-group"] == "" || region != "" && region != o.account.Region {
			return logStream{}, common.Coded(common.CodeNotInCloudWatch, "container %s does not log to CloudWatch Logs in %s", container, o.account.Region)
		}
		return logStream{options["awslogs-group"], options["awslogs-stream-prefix"] + "/" + container + "/" + task}, nil
	}
	return logStream{}, common.Errorf(common.NotFound, "there is no container %s in task definition %s", container, account.NameOf(definition))
}

// conventionalLog returns where a container of a task that ECS has forgotten has logged: where the service's tasks log now, or by our
// convention.
func (o *Orchestrator) conventionalLog(ctx context.Context, cluster string, service *awsecs.Service, q LogQuery) (logStream, error) {
	task := account.NameOf(q.Task)
	stream, err := o.logOf(ctx, aws.StringValue(service.TaskDefinition), task, q.Container)
	switch common.KindOf(err) {
	case common.NotFound, common.Conflict: // the definition is another one now
		return logStream{cluster, aws.StringValue(service.ServiceName) + "/" + q.Container + "/" + task}, nil
	}
	return stream, err
}
