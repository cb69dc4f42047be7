package oneoff

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/common"
	"ecs-api/ecs"
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
	text, _ := ecs.ToTags(task.Tags).Get(TagStopAt)
	stopAt, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil // the tag is somebody else's
	}
	t := &run{r: r, cluster: cluster, service: strings.TrimPrefix(aws.StringValue(task.Group), "run:"), stopAt: stopAt, ended: make(chan struct{}), task: task}
	if t.stopped() || r.watches(account.NameOf(aws.StringValue(task.TaskArn))) {
		return nil
	}
	if err := r.reserve(t); err != nil {
		return err
	}
	err = t.watch(ctx)
	if err != nil {
		r.release(t)
	}
	return err
}

// watches reports whether this server watches the task with the id.
func (r *Runner) watches(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for t := range r.watched {
		if task := t.latest(); task != nil && account.NameOf(aws.StringValue(task.TaskArn)) == id {
			return true
		}
	}
	return false
}
