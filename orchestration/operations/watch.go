package operations

import (
	"context"
	"time"
)

// Watch calls f with an operation as it is, and again whenever a step begins or ends, until the operation has ended, f fails or ctx ends.
func (g *Group) Watch(ctx context.Context, account, id string, f func(Operation) error) error {
	for {
		g.mu.Lock()
		op := g.find(account, id)
		if op == nil {
			g.mu.Unlock()
			return notKept(id)
		}
		changed := op.progress.Changed() // before it is looked at: no change is missed
		o := op.view()
		g.mu.Unlock()
		if err := f(o); err != nil || o.EndedAt != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Await waits until an operation has ended, for at most d, and returns it as it is then.
func (g *Group) Await(ctx context.Context, account, id string, d time.Duration) (Operation, error) {
	if d > 0 {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		defer context.AfterFunc(g.waits, cancel)()
		_ = g.Watch(ctx, account, id, func(Operation) error { return nil }) // whatever ended it, what there is now is returned
	}
	return g.Operation(account, id)
}

// Stop ends all waiting for operations, not the operations. Call it when the server begins to shut down.
func (g *Group) Stop() { g.stopWaits() }
