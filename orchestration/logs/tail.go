package logs

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	awslogs "github.com/aws/aws-sdk-go/service/cloudwatchlogs"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
)

// maxTailCalls is how many calls the last lines of a task may take: AWS may return empty pages before them.
const maxTailCalls = 5

// Tail returns the last lines that a container of the task has written, n at most, the oldest first. A task that has not logged has none.
func (r *Reader) Tail(ctx context.Context, task *awsecs.Task, container string, n int) ([]Event, error) {
	at, err := r.placeOf(ctx, common.Value(task.TaskDefinitionArn), container)
	if err != nil {
		return nil, err
	}
	ours, err := r.readable(ctx, at.group)
	if err != nil || !ours {
		return nil, err
	}
	id := account.NameOf(common.Value(task.TaskArn))
	in := &awslogs.GetLogEventsInput{LogGroupName: aws.String(at.group), LogStreamName: aws.String(at.streams() + id), StartFromHead: aws.Bool(false),
		Limit: aws.Int64(int64(n))}
	var lines []Event
	for range maxTailCalls {
		out, err := r.account.Logs.Events(ctx, in)
		if common.Is(err, common.NotFound) {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
		var earlier []Event
		for _, raw := range out.Events {
			earlier = append(earlier, Event{Timestamp: time.UnixMilli(common.Value(raw.Timestamp)).UTC(), Task: id, Container: container,
				Message: strings.TrimSuffix(common.Value(raw.Message), "\n")})
		}
		lines = slices.Concat(earlier, lines)
		if len(lines) >= n || common.Value(out.NextBackwardToken) == common.Value(in.NextToken) { // the same token again is the stream's beginning
			break
		}
		in.NextToken = out.NextBackwardToken
	}
	return lines[max(0, len(lines)-n):], nil
}
