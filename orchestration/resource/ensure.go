package resource

import (
	"context"
	"sync/atomic"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
)

// This file creates what is not there. It is idempotent also for what AWS creates once for each call, and whose response is lost; for what AWS
// confirms and does not show yet (eventual consistency), see await.

// Ensure returns the step that creates the item if it was not found, and adopts it otherwise.
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

// ConcurrentDelete returns the Conflict for an error of AWS that says that something which the request had found is not there any more, and any other error as it is.
func ConcurrentDelete(err error) error {
	if deletedMeanwhile(err) || common.CloudMapServiceNotVisible.Is(err) {
		return common.Coded(common.CodeConcurrentChange, "something that is needed was deleted meanwhile; repeat the request: %w", err)
	}
	return err
}

// deletedMeanwhile reports whether AWS says that something which was found is not there any more.
func deletedMeanwhile(err error) bool {
	return common.Is(err, common.NotFound) && common.CodeOf(err) != ""
}

// maxTries is how often something is created that AWS creates once per call, when responses are lost.
const maxTries = 3

// create creates the item. What turns out to be there is this request's, by an attempt whose response was lost, or is adopted.
func (r *Request) create(ctx context.Context, item *Item) (saga.Rollback, error) {
	item.adopted = false
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
		if NotIdempotent(err) { // ECS does not show yet what it says is there
			r.ConcurrentCreator.Store(true)
		}
		if exists || !traits.CreateNotIdempotent || lookErr != nil || try == maxTries { // where we cannot look, another try could create a second one
			return r.keepRollback(item, c.rollback), err
		}
	}
}

// findCreated looks for what an attempt to create the item may have created. AWS may show late what it says is there.
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
	confirmed atomic.Bool // AWS's response said that it is created
	deletion  *deletion   // by the rollback; nil before
}

// await finds the item, for which AWS has confirmed that it is there: where it does not show it yet, it is looked for up to half a minute.
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
