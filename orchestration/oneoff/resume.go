package oneoff

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/orchestration/account"
)

// Resume watches the one-off tasks that run and that a server which has ended has started, so that each is stopped at its timeout. It finds them by their tags.
func (r *Runner) Resume(ctx context.Context) error {
	found, err := r.account.Tagging.Find(common.Background(ctx), common.Tags{{Key: common.TagOrg, Value: r.account.Org}, {Key: TagStopAt}}, "ecs:task")
	if err != nil {
		return err
	}
	for _, one := range found {
		_, path, _ := strings.Cut(one.ARN, ":task/")
		cluster, id, ok := strings.Cut(path, "/")
		if !ok {
			continue
		}
		if err := r.resume(ctx, cluster, id); err != nil {
			return err
		}
	}
	return nil
}

// resume watches a task, unless it has stopped.
func (r *Runner) resume(ctx context.Context, cluster, id string) error {
	out, err := r.account.ECS.DescribeTasks(common.Background(ctx), cluster, []string{id})
	if common.Is(err, common.NotFound) || err == nil && len(out.Tasks) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	task := out.Tasks[0]
	stopAt, err := stopAtOf(task)
	if err != nil {
		return nil // the tag is somebody else's
	}
	t := &run{r: r, cluster: cluster, service: strings.TrimPrefix(aws.StringValue(task.Group), "run:"), stopAt: stopAt, ended: make(chan struct{}), task: task}
	if t.stopped() || r.watcher(id) != nil {
		return nil
	}
	return r.watch(ctx, t)
}

// watch watches a task that was started before.
func (r *Runner) watch(ctx context.Context, t *run) error {
	if err := r.reserve(t); err != nil {
		return err
	}
	err := t.watch(ctx)
	if err != nil {
		r.release(t)
	}
	return err
}

// stopAtOf returns when the task is to be stopped, as its tag says.
func stopAtOf(task *awsecs.Task) (time.Time, error) {
	text, _ := ecs.ToTags(task.Tags).Get(TagStopAt)
	return time.Parse(time.RFC3339, text)
}

// watcher returns what watches the task with the id on this server; nil if nothing does.
func (r *Runner) watcher(id string) *run {
	r.mu.Lock()
	defer r.mu.Unlock()
	for t := range r.watched {
		if task := t.latest(); task != nil && account.NameOf(aws.StringValue(task.TaskArn)) == id {
			return t
		}
	}
	return nil
}
