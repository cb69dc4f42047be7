package observe

import (
	"context"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	awsecs "ecs-api/ecs/sdk/ecs"
)

// recentTime is how long what nearly never changes is remembered: the status and tags of a revision, whose body never does, and the name of a Cloud Map
// service, which does not change but can be deleted.
const recentTime = time.Minute

// maxRecent is how many of them are remembered.
const maxRecent = 2000

// recent remembers what was read a moment ago, by ARN. What is remembered is shared: nobody may write to it.
type recent[V any] struct {
	kept   *lru.Cache[string, dated[V]]
	writes atomic.Uint64
}

type dated[V any] struct {
	value V
	at    time.Time
}

func newRecent[V any]() *recent[V] {
	r := &recent[V]{}
	r.kept, _ = lru.New[string, dated[V]](maxRecent) // it fails for a size of 0 alone
	return r
}

// get returns what is remembered of the ARN, or what read returns: that is remembered, unless a write of ours ended meanwhile.
func (r *recent[V]) get(now func() time.Time, arn string, read func() (V, error)) (V, error) {
	began, writes := now(), r.writes.Load()
	if known, ok := r.kept.Get(arn); ok && began.Sub(known.at) < recentTime {
		return known.value, nil
	}
	value, err := read()
	if err != nil {
		return value, err
	}
	r.kept.Add(arn, dated[V]{value, began})
	if r.writes.Load() != writes {
		r.kept.Remove(arn)
	}
	return value, nil
}

// forget forgets all: a write of ours has ended.
func (r *recent[V]) forget() {
	r.writes.Add(1)
	r.kept.Purge()
}

// recentDefinition returns the task definition with the ARN, whose status may be as old as recentTime if it was changed by others.
func (o *Observer) recentDefinition(ctx context.Context, arn string) (*awsecs.TaskDefinition, error) {
	return o.recentDefinitions.get(o.now, arn, func() (*awsecs.TaskDefinition, error) {
		out, err := o.account.ECS.TaskDefinition(ctx, arn)
		if err != nil {
			return nil, err
		}
		return out.TaskDefinition, nil
	})
}
