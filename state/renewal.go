package state

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// Renewal keeps what a server has in Redis alive. Renew begins it.
type Renewal struct {
	stop    context.CancelFunc
	stopped chan struct{}
	wake    chan struct{} // holds one: renew at once
}

// Renew calls renew every so often, and each time Redis can be used again, which may be empty then. Close of the renewal must be called.
func (r *Redis) Renew(every time.Duration, renew func(context.Context)) *Renewal {
	ctx, stop := context.WithCancel(context.Background()) // ended by Close
	n := &Renewal{stop: stop, stopped: make(chan struct{}), wake: make(chan struct{}, 1)}
	r.AfterRecovery(n.Wake)
	go func() { // ends with ctx
		defer close(n.stopped)
		ticks := time.NewTicker(every)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
			case <-n.wake:
			}
			renew(ctx)
		}
	}()
	return n
}

// Close ends the renewals, and returns when none runs any more.
func (n *Renewal) Close() {
	n.stop()
	<-n.stopped
}

// Wake renews at once, in the background: for what a request had no time left to tell Redis.
func (n *Renewal) Wake() {
	select {
	case n.wake <- struct{}{}:
	default: // it is about to
	}
}

// atOnce is how many uses Each sends at the same time: fewer than go-redis has connections, as requests need some too.
const atOnce = 8

// Each uses Redis for each of all, several at the same time, and waits for them. One after another, on a slow Redis, hundreds of renewals would take longer than what
// they renew lasts.
func Each[T any](all []T, use func(T)) {
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, one := range all {
		group.Go(func() error {
			use(one)
			return nil
		})
	}
	_ = group.Wait() // there are no errors
}
