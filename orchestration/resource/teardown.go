package resource

import (
	"context"

	"ecs-api/common"
)

// TearDown deletes a thing as long as it may be deleted: its tags, and whatever else allowed checks, are looked at again right before each attempt. It
// reports whether the thing is gone.
func TearDown(ctx context.Context, backoff common.Backoff, t Thing, allowed func(context.Context, *State) (bool, error)) (gone bool, err error) {
	gone, err = (&deletion{thing: t, backoff: backoff, find: t.Find, allowed: allowed}).run(ctx)
	return gone, common.Wrapf(err, "%s %s", t.Kind().Word(), t.Name())
}
