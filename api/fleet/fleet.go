// Package fleet is a server among those that share a state: their locks, operations, queue of jobs and idempotency keys are in one Redis, and they tell
// each other what they have changed. It owns one rule: a fleet of one needs no Redis, and one whose Redis is down still serves.
package fleet

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"
	"golang.org/x/time/rate"

	"ecs-api/api/idempotency"
	"ecs-api/api/telemetry"
	"ecs-api/common"
	"ecs-api/config"
	"ecs-api/orchestration/leases"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/operations/queue"
	"ecs-api/orchestration/operations/redisstore"
	"ecs-api/state"
)

// Options is what a Fleet is made of.
type Options struct {
	Config  *config.Config
	Log     *logrus.Logger
	Metrics *telemetry.Metrics
	// Forget drops what was read of the account before one of its operations ended.
	Forget func(account string)
	// Changed drops what was read before another server, or this one, changed something.
	Changed func(Change)
	// SetDisconnected says whether the changes of other servers cannot be received for now. It is not called where there are no others.
	SetDisconnected func(bool)
}

// Fleet is this server among those that share a state.
type Fleet struct {
	options Options
	// Background is the owner of background work, which continues after the response.
	Background *operations.Group
	// Leases are the locks of services that all servers respect; nil without a state.
	Leases *leases.Leases

	id          string             // of this server
	state       *state.Redis       // nil: this server is the only one
	keys        *idempotency.Redis // the records of idempotent requests on it
	record      *redisstore.Record // of operations of all servers; nil: this server's own are in memory
	queue       *queue.Queue       // of their jobs; nil: this server does its own
	died        chan struct{}      // another server has, and one-off tasks that it watched are to be watched here
	broadcast   *state.Broadcast   // nil until Subscribe
	unpublished atomic.Bool        // there is a change which the other servers may not have received
	countSlow   func()             // counts a request that the state was too slow for
	countLost   func()             // counts a lock that was lost to another server
	logSlow     rate.Sometimes     // bounds how often the log says so
}

// New connects to the Redis that the config names, if it names one. That it is down stops nothing: requests are served without it. Close must be called.
func New(o Options) (*Fleet, error) {
	f := &Fleet{options: o, id: uuid.NewString(), died: make(chan struct{}, 1), logSlow: rate.Sometimes{Interval: time.Minute}}
	if err := f.open(); err != nil {
		return nil, err
	}
	background := operations.Options{Observe: f.observe, Server: f.id}
	if f.state != nil {
		if err := f.share(&background); err != nil {
			return nil, err
		}
	}
	f.Background = operations.NewGroup(background)
	return f, nil
}

// open connects to the state.
func (f *Fleet) open() (err error) {
	url := f.options.Config.State.Redis.Reveal()
	if url == "" {
		return nil
	}
	f.state, err = state.Open(context.Background(), state.Options{URL: url, Org: f.options.Config.Org, Observe: f.observeState, Slow: f.observeSlow})
	if err != nil {
		return common.Wrapf(err, "state.redis")
	}
	f.countSlow, f.countLost = f.options.Metrics.WatchState(f.state.Up) // before any request, which alone may find the state slow
	f.Leases, f.keys = leases.New(f.state, f.observeLost), idempotency.NewRedis(f.state)
	return nil
}

// observeState logs that the state has gone, and that it is back.
func (f *Fleet) observeState(up bool, why error) {
	if up {
		f.options.Log.Info("the state is back: Redis can be used again")
		return
	}
	f.options.Log.WithError(why).Warn("the state is down: Redis cannot be used, and requests are served without it, but for those with an Idempotency-Key")
}

// observeSlow counts a request that the state was too slow for, and logs that there are some.
func (f *Fleet) observeSlow() {
	f.countSlow()
	f.logSlow.Do(func() {
		f.options.Log.Warn("the state is slow: a request has waited for Redis as long as it may, and continues without it; there may be more of them in the next minute")
	})
}

// observeLost counts and logs a lock that another server has taken although this one has not released it.
func (f *Fleet) observeLost(target string) {
	f.countLost()
	f.options.Log.WithField("target", target).Warn("a lock is lost: another server has locked what this one still works on, as Redis has lost the lock or was out of reach")
}

// Keeper keeps the responses to requests with an Idempotency-Key: in the state, or in this server's memory where there is none. Token returns that of
// a caller.
func (f *Fleet) Keeper(token func(caller string) []byte) *idempotency.Keeper {
	if f.keys == nil {
		return idempotency.NewKeeper(idempotency.NewMemory(idempotency.Limits{}), nil)
	}
	return idempotency.NewKeeper(f.keys, token)
}

// State reports whether there is a state, and whether it can be used as far as this server knows.
func (f *Fleet) State() (configured, up bool) {
	return f.state != nil, f.state != nil && f.state.Up()
}

// Bound returns the context of a request that begins, which may wait only so long for the state, in all.
func (f *Fleet) Bound(ctx context.Context) context.Context {
	if f.state == nil {
		return ctx
	}
	return state.WithBudget(ctx)
}

// CheckState asks the Redis of the config whether it can be used, and returns why not. Configured is false if the config names none.
func (f *Fleet) CheckState(ctx context.Context) (configured bool, err error) {
	if f.state == nil {
		return false, nil
	}
	return true, f.state.Ping(ctx)
}

// queueGrace is how long the queue may take to learn that this server is gone. When Redis is down it never does: then it finds out by itself.
const queueGrace = 5 * time.Second

// Shutdown waits for background work until ctx ends, and then cancels it: another server continues it, or a repeated request does. Call it
// when no more requests come.
func (f *Fleet) Shutdown(ctx context.Context) {
	if f.queue != nil {
		f.queue.Stop()
	}
	if n := f.Background.Shutdown(ctx); n > 0 {
		f.options.Log.WithField("cancelled", n).Warn("background work was cut off: other servers continue what the queue has, and the rest is completed when its requests are repeated")
	}
	if f.queue != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), queueGrace)
		defer cancel()
		f.queue.Shutdown(last)
	}
}

// Close ends the use of the state, if there is one. Call it last.
func (f *Fleet) Close() {
	if f.state == nil {
		return
	}
	if f.broadcast != nil {
		f.broadcast.Close()
	}
	f.record.Close()
	f.Leases.Close()
	f.keys.Close()
	f.state.Close()
}
