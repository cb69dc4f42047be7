package observe

import (
	"context"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go/aws"
	awslogs "github.com/aws/aws-sdk-go/service/cloudwatchlogs"

	"ecs-api/common"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/diagnosis"
)

// lastLines remember the last lines of containers that have ended, which do not change any more. The zero value is ready.
type lastLines struct {
	mu  sync.Mutex
	all map[diagnosis.LogKey]string
}

// maxLastLines is how many are remembered.
const maxLastLines = 1000

func (l *lastLines) get(key diagnosis.LogKey) (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, ok := l.all[key]
	return line, ok
}

func (l *lastLines) put(key diagnosis.LogKey, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil || len(l.all) >= maxLastLines {
		l.all = map[diagnosis.LogKey]string{}
	}
	l.all[key] = line
}

// exitedUnexplained returns the container of the newest stopped task that ended with 1 or 255, which is what an image for another CPU does too:
// only the log tells. Not ok if there is none.
func (f *found) exitedUnexplained() (key diagnosis.LogKey, ok bool) {
	for _, t := range f.tasks {
		if common.Value(t.LastStatus) != awsecs.DesiredStatusStopped || common.Value(t.StopCode) != awsecs.TaskStopCodeEssentialContainerExited {
			continue
		}
		for _, c := range t.Containers {
			if code := c.ExitCode; code != nil && (*code == 1 || *code == 255) && common.Value(c.Reason) == "" {
				return diagnosis.LogKey{Task: taskID(t.TaskArn), Container: common.Value(c.Name)}, true
			}
		}
		return key, false
	}
	return key, false
}

// readLastLine reads the last line of a container that ended without saying why, where it logs by this server's convention. That it cannot be
// read is no error: it adds to what is known. The newest task speaks for the others.
func (o *Observer) readLastLine(ctx context.Context, f *found, at target) {
	key, ok := f.exitedUnexplained()
	if !ok {
		return
	}
	line, known := o.lines.get(key)
	if !known {
		var err error
		if line, err = o.lastLine(ctx, at, key); err != nil {
			return
		}
		o.lines.put(key, line)
	}
	f.lines = map[diagnosis.LogKey]string{}
	for _, t := range f.tasks {
		f.lines[diagnosis.LogKey{Task: taskID(t.TaskArn), Container: key.Container}] = line
	}
}

// lastLine reads the last line of a container. In a log group of another org there is none.
func (o *Observer) lastLine(ctx context.Context, at target, key diagnosis.LogKey) (line string, err error) {
	who, err := o.account.Identity(ctx)
	if err != nil {
		return "", err
	}
	var tags common.Tags
	err = common.Concurrently(ctx,
		func(ctx context.Context) error {
			out, err := o.account.Logs.Events(ctx, &awslogs.GetLogEventsInput{
				LogGroupName: aws.String(at.cluster), LogStreamName: aws.String(strings.Join([]string{at.service, key.Container, key.Task},
					"/")), Limit: aws.Int64(1),
			})
			if err == nil && len(out.Events) > 0 {
				line = common.Value(out.Events[0].Message)
			}
			return err
		},
		func(ctx context.Context) (err error) {
			tags, err = o.account.Logs.Tags(ctx, who.ARN("logs", o.account.Region, "log-group:"+at.cluster))
			return err
		},
	)
	if err == nil && !tags.VisibleTo(o.account.Org) {
		return "", nil
	}
	return line, err
}
