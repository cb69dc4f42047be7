package resource

import (
	"context"
	"sync/atomic"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
)

// This file creates things that do not exist. A create is idempotent even if AWS creates a new thing for each call and the response is lost. Await is for
// things that AWS has confirmed and does not show yet (eventual consistency).

// Ensure returns the step that creates the item if look did not find it, and adopts it otherwise.
func (r *Request) Ensure(item *Item) saga.Step {
	return func(ctx context.Context) (saga.Rollback, error) {
		if item.Found == nil {
			return r.create(ctx, item)
		}
		rollback, err := r.adopt(ctx, item, item.Found)
		if deletedMeanwhile(err) {
			return r.create(ctx, item)
		}
		return rollback, err
	}
}

// ConcurrentDelete returns a Conflict if AWS's error says that something which the request had found does not exist any more. It returns any other error as it is.
func ConcurrentDelete(err error) error {
	if deletedMeanwhile(err) || common.CloudMapServiceNotVisible.Is(err) {
		return common.Coded(common.CodeConcurrentChange, "something that is needed was deleted meanwhile; repeat the request: %w", err)
	}
	return err
}

// deletedMeanwhile reports whether AWS's error says that something which the request had found does not exist any more.
func deletedMeanwhile(err error) bool {
	return common.Is(err, common.NotFound) && common.CodeOf(err) != ""
}

// maxTries is how often a request tries to create a thing of which AWS creates a new one for each call, if responses are lost.
const maxTries = 3

// create creates the item. If the item turns out to exist, either an attempt of this request created it and the response was lost, or create adopts it.
func (r *Request) create(ctx context.Context, item *Item) (saga.Rollback, error) {
	item.adopted, item.replaced = false, ""
	traits := item.Traits()
	c := &attempt{r: r, item: item}
	for try := 1; ; try++ {
		err := r.Backoff.Retry(ctx, func() (err error) {
			item.Now, err = item.Create(ctx, item.Tags)
			return err
		}, traits.RetryCreate...)
		if err == nil {
			c.confirmed.Store(true)
			return r.keepRollback(item, c.rollback), nil
		}
		item.Now = nil
		exists := common.Is(err, common.Conflict)
		if !exists && !common.Ambiguous(err) {
			return nil, err
		}
		found, lookErr := r.findCreated(ctx, item, exists)
		if lookErr == nil && found != nil {
			return r.creator(ctx, item, found, c, err)
		}
		if NotIdempotent(err) { // ECS says that it exists, but does not show it yet
			r.ConcurrentCreator.Store(true)
		}
		if exists || !traits.CreateNotIdempotent || lookErr != nil || try == maxTries { // where we cannot look, another try could create a second one
			return r.keepRollback(item, c.rollback), err
		}
	}
}

// findCreated looks for the item that an attempt may have created. AWS may show it late.
func (r *Request) findCreated(ctx context.Context, item *Item, exists bool) (*State, error) {
	if exists && item.Traits().Shared {
		return r.await(ctx, item)
	}
	return item.Find(ctx)
}

// attempt is an attempt to create one item.
type attempt struct {
	r         *Request
	item      *Item
	confirmed atomic.Bool // AWS's response said that it was created
	deletion  *deletion   // by the rollback; nil before
}

// await finds an item that exists, as AWS has confirmed. If AWS does not show it yet, await looks for it for up to half a minute.
func (r *Request) await(ctx context.Context, item Thing) (found *State, err error) {
	err = r.Backoff.Retry(ctx, func() error {
		found, err = item.Find(ctx)
		if err == nil && found == nil {
			err = common.Errorf(common.NotFound, "there is no %s %s", item.Kind().Word(), item.Name())
		}
		return err
	}, common.NotVisible)
	return found, IgnoreNotFound(err)
}
