package resource

import (
	"context"

	"ecs-api/common"
)

// TearDown deletes a thing as long as it may be deleted: its tags, and whatever else allowed checks, are looked at again right before each attempt. It
// reports whether the thing is gone.
func TearDown(ctx context.Context, backoff common.Backoff, t Thing, allowed func(context.Context, *State) (bool, error)) (gone bool, err error) {
	err = backoff.Retry(ctx, func() error {
		found, err := t.Find(ctx)
		if gone = err == nil && found == nil; gone || err != nil {
			return err
		}
		if ok, err := allowed(ctx, found); err != nil || !ok {
			return err
		}
		err = t.Delete(ctx, found)
		gone = IgnoreNotFound(err) == nil
		return ignoreInUse(err)
	}, t.Traits().RetryDelete...)
	err = IgnoreNotFound(err)
	return gone, common.Wrapf(err, "%s %s", t.Kind().Word(), t.Name())
}
