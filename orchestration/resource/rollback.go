package resource

import (
	"context"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
)

// This file rolls back: it deletes what a failed request created, if the ownership tag is still that of the request. Package transaction calls it.

// keepRollback returns the rollback of a thing of the service's own. It keeps the rollback of a shared thing until the end of the request, because another request
// may use the thing by then.
func (r *Request) keepRollback(item *Item, rollback saga.Rollback) saga.Rollback {
	if !item.Traits().Shared {
		return rollback
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shared[ledgerKey(item)] = rollback
	return nil
}

// rollback deletes the item if the request created it and no other request has adopted it since. If AWS has confirmed the item and does not show it yet, rollback
// waits for it.
func (c *attempt) rollback(ctx context.Context) error {
	item := c.item
	find := item.Find
	if c.confirmed.Load() {
		find = func(ctx context.Context) (*State, error) { return c.r.await(ctx, item) }
	}
	if c.deletion == nil { // its mark is still good when the rollback is retried
		c.deletion = &deletion{thing: item, backoff: c.r.Backoff,
			allowed: func(_ context.Context, found *State) (bool, error) { return c.r.tagged(item, found.Tags), nil }}
	}
	c.deletion.find = find
	_, err := c.deletion.run(ctx)
	if err == nil {
		c.confirmed.Store(false) // so that a retry of other rollbacks does not wait for it
	}
	return common.Wrapf(err, "%s %s", item.Kind().Word(), item.Name())
}

// ignoreInUse returns err, but nil if err says that something is in use: then it stays.
func ignoreInUse(err error) error {
	if err != nil && common.ResponseCode(err) == common.CodeInUse {
		return nil
	}
	return err
}

// IgnoreNotFound returns err, but nil if err says that something does not exist.
func IgnoreNotFound(err error) error {
	if common.Is(err, common.NotFound) {
		return nil
	}
	return err
}
