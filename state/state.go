// Package state is the Redis (or Valkey) through which several servers work as one. It owns two rules: no request waits for Redis longer than its Budget, and
// none at all once Redis is known to be down; and what is kept there may be lost, because AWS is the source of truth.
//
// How to use it: a need (locks, operations, …) is an interface with an implementation in memory and one on Redis. The latter calls Do with all
// commands of one step; when Do returns an error the step has not happened, or nobody knows: continue with what memory and AWS's ownership tags
// guarantee. Every key comes from Key and gets a TTL when it is written. Nothing secret is written in clear.
package state

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"ecs-api/common"
)

// layout is the version of what the keys hold. Servers of different layouts run side by side without reading each other's keys; change it whenever
// an older server would misread what a newer one writes.
const layout = "v1"

const (
	// useTime is how long one use of Redis may take. The first that takes longer means that Redis is down, and costs a request that much; the rest of
	// the request, and every request after it, then uses none.
	useTime = 750 * time.Millisecond
	// probeUp is how often Redis is probed while it is up, so that the gauge is true though nobody uses it; probeDown while it is down.
	probeUp   = 2 * time.Second
	probeDown = 250 * time.Millisecond
	// probeTime is how long a probe may take. It is shorter than a use: a request uses Redis several times, and one that is slow each time is as bad as none.
	probeTime = 300 * time.Millisecond
	// connectTime is how long a probe may take that may need a new connection, which takes a command of its own.
	connectTime = 2 * probeTime
	// findTime is how long a probe may take while Redis is down, when nobody waits for it: go-redis leaves a sentinel, or a node of a cluster, that hangs only when
	// it has waited for it itself, several times, and starts with the first one again whenever the time of a command is over before.
	findTime = 10 * time.Second
)

// ErrDown is what uses of Redis return while it is down, or so slow that the request's budget is used up. It says nothing of where Redis is, or why.
var ErrDown = common.Errorf(common.Unavailable, "Redis, which this server shares its state through, cannot be reached; retry later")

// Options say where the state is.
type Options struct {
	URL string // of Redis: a secret, because it holds a password
	Org string // the keys of different orgs are apart
	// Observe is called when Redis goes down, and why, and when it comes back. It is called by one goroutine at a time. Nil is fine.
	Observe func(up bool, why error)
	// Slow is called once for each request whose budget is used up. Nil is fine.
	Slow func()
}

// Redis is the state's connection to Redis. It looks after itself: it notices when Redis goes and when it is back.
type Redis struct {
	client  redis.UniversalClient
	url     string
	prefix  string
	observe func(up bool, why error)
	slow    func()

	up      atomic.Bool
	backs   atomic.Int64 // how often Redis was back
	suspect chan error   // of a use that failed, for the watcher; buffered: one is enough

	mu        sync.Mutex
	recovered []func() // guarded by mu; before Redis is used again
	returned  []func() // guarded by mu; after that

	stop    context.CancelFunc
	stopped chan struct{}
}

// Open returns the state at the URL, and whether Redis is up by then; that it is down is no error: it may come. Close must be called.
func Open(ctx context.Context, o Options) (*Redis, error) {
	logging.Disable() // go-redis writes to standard error, in a form of its own; what matters is observed
	client, err := connect(o.URL, useTime)
	if err != nil {
		return nil, err
	}
	r := &Redis{
		client: client, url: o.URL, prefix: strings.Join([]string{"ecs-api", layout, o.Org, ""}, ":"), observe: o.Observe, slow: o.Slow,
		suspect: make(chan error, 1), stopped: make(chan struct{}),
	}
	if r.observe == nil {
		r.observe = func(bool, error) {}
	}
	if r.slow == nil {
		r.slow = func() {}
	}
	client.AddHook(guard{r, useTime})
	err = r.probe(ctx, 2*useTime)
	r.up.Store(err == nil)
	if err != nil {
		r.observe(false, err)
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	go r.watch(watching, err == nil)
	return r, nil
}

// Close ends the connections and the probing.
func (r *Redis) Close() {
	r.stop()
	<-r.stopped
	_ = r.client.Close() // there is nothing left to do about it
}

// Key returns the key of ours for the parts, such as "lock", account, target. All keys of one script or transaction must be in one slot of a
// Redis cluster: put what they have in common in braces, as in Key("op", "{"+id+"}", "steps").
func (r *Redis) Key(parts ...string) string { return key(r.prefix, parts) }

// Client returns the client, for libraries that want one. Each of its commands is bounded as one use: commands that block have no place here.
// Subscriptions have connections of their own and are not bounded.
func (r *Redis) Client() redis.UniversalClient { return r.client }

// Up reports whether Redis is up as far as is known.
func (r *Redis) Up() bool { return r.up.Load() }

// OnRecovery has f called each time Redis is back, before anybody uses it again: what was kept in memory while invalidations got lost is to be
// dropped. It must be quick.
func (r *Redis) OnRecovery(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recovered = append(r.recovered, f)
}

// AfterRecovery has f called each time Redis can be used again: what it has missed, or lost, can be written. It must be quick.
func (r *Redis) AfterRecovery(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.returned = append(r.returned, f)
}

// Do runs one step's commands, which together may take useTime, or what is left of the budget of ctx. It returns ErrDown when Redis is down or has been found
// to be, or the budget is used up, and the step's own error otherwise: redis.Nil for a missing key, or what Redis said of a command that is wrong. A step that
// takes useTime shows that Redis is down, also where each of its commands took less.
func (r *Redis) Do(ctx context.Context, use func(ctx context.Context, client redis.UniversalClient) error) error {
	if !r.Up() {
		return ErrDown
	}
	bounded, cancel := context.WithTimeout(ctx, useTime)
	defer cancel()
	err := use(bounded, r.client)
	switch {
	case err == nil, errors.Is(err, redis.Nil), errors.Is(err, ErrDown):
		return err
	case ctx.Err() != nil:
		return ctx.Err() // the caller's time was over, or it left: that says nothing about Redis
	case bounded.Err() != nil:
		r.fail(err)
		return ErrDown
	case !r.Up():
		return ErrDown // the guard has noticed: a command has shown it
	}
	return err
}

// Ping asks Redis whether it can be written to, and returns why not. It is for -check: the text is for the operator.
func (r *Redis) Ping(ctx context.Context) error { return r.probe(ctx, 2*useTime) }
