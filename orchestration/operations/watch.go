package operations

import (
	"context"
	"time"
)

// unseen is how long a watch continues when the operation cannot be read: the record is out of reach, or was lost and is written anew.
const unseen = 30 * time.Second

// Watch calls f with an operation as it is, and again whenever it may have changed, until the operation has ended, f fails or ctx ends.
func (g *Group) Watch(ctx context.Context, account, id string, f func(Operation) error) error {
	var seen time.Time
	for {
		o, changed, done, err := g.look(ctx, account, id)
		switch {
		case err == nil:
			seen = time.Now()
			if err := f(o); err != nil || o.Ended() {
				done()
				return err
			}
		case time.Since(seen) > unseen:
			done()
			return err
		}
		wait, cancel := context.WithTimeout(ctx, unseen)
		select {
		case <-changed:
		case <-wait.Done():
		}
		cancel()
		done()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// look returns an operation as it is, and a channel that is closed when that has changed. Done must be called.
func (g *Group) look(ctx context.Context, account, id string) (o Operation, changed <-chan struct{}, done func(), err error) {
	g.mu.Lock()
	if op := g.live[id]; op != nil && op.report.Account == account {
		defer g.mu.Unlock()
		changed = op.progress.Changed() // before it is looked at: no change is missed
		return op.view(), changed, func() {}, nil
	}
	g.mu.Unlock()
	changed, done = g.record.Changed(account, id)
	o, err = g.record.Find(ctx, account, id)
	return o, changed, done, err
}

// Await waits until an operation has ended, for at most d, and returns it as it is then.
func (g *Group) Await(ctx context.Context, account, id string, d time.Duration) (Operation, error) {
	if d > 0 {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		defer context.AfterFunc(g.waits, cancel)()
		_ = g.Watch(ctx, account, id, func(Operation) error { return nil }) // whatever ended it, what there is now is returned
	}
	return g.Operation(ctx, account, id)
}

// Stop ends all waiting for operations, not the operations. Call it when the server begins to shut down.
func (g *Group) Stop() { g.stopWaits() }
