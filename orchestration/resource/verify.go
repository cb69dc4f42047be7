package resource

import (
	"context"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
)

// This file verifies, at the end of a request, that what it adopted still exists.

// Verify returns the step that reads, at the end, whether a thing that the request adopted still exists: another request may have deleted it, because AWS cannot
// compare and swap a tag. A request that had to wait until a service had drained verifies everything that it needs. If the thing is gone, Verify creates a shared
// thing again; for a thing of the service's own the request fails.
func (r *Request) Verify(item *Item) saga.Step {
	return func(ctx context.Context) (saga.Rollback, error) {
		if !r.Waited.Load() && (!item.adopted || item.Traits().Shared && r.HasServices && !item.contested) {
			return nil, nil
		}
		return saga.Named("verify "+item.Kind().Word(), func(ctx context.Context) (saga.Rollback, error) { return r.verify(ctx, item) })(ctx)
	}
}

// verify reads whether the item exists, and stays.
func (r *Request) verify(ctx context.Context, item *Item) (saga.Rollback, error) {
	find := item.Find
	if !item.adopted {
		find = func(ctx context.Context) (*State, error) { return r.await(ctx, item) }
	}
	found, err := find(ctx)
	if err != nil && common.Transient(err) {
		return nil, nil // while AWS does not let us read the thing, we assume that it exists
	}
	marked := markOn(found) != "" || item.isStale(found)
	if marked {
		found, err = r.awaitDeletion(ctx, item, found)
	}
	switch {
	case err != nil:
		return nil, err
	case found == nil && !item.Traits().Shared:
		return nil, Deleted(item)
	case found == nil:
		return saga.InOrder(func(ctx context.Context) (saga.Rollback, error) { return r.create(ctx, item) }, item.complete)(ctx)
	case marked: // what belongs to it may be deleted already
		return item.complete(ctx)
	}
	return nil, nil
}

// complete creates what belongs to the thing.
func (item *Item) complete(ctx context.Context) (saga.Rollback, error) {
	if item.Completes == nil {
		return nil, nil
	}
	return item.Completes(ctx)
}

// Deleted is the Conflict for a thing that the request adopted and another request deleted.
func Deleted(t Thing) error {
	return common.Coded(common.CodeConcurrentChange, "%s %s was deleted by another request meanwhile; repeat the request", t.Kind().Word(), t.Name())
}
