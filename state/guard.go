package state

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ecs-api/common"
)

// guard bounds every command of the client, whoever sends it, and refuses it at once while Redis is down.
type guard struct {
	r     *Redis
	limit time.Duration // of a command of no request
}

var _ redis.Hook = guard{}

type probing struct{}

// DialHook implements redis.Hook: dialling is bounded by the command that needs it.
func (guard) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (g guard) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := g.run(ctx, func(ctx context.Context) error { return next(ctx, cmd) })
		if errors.Is(err, ErrDown) {
			cmd.SetErr(err)
		}
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (g guard) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := g.run(ctx, func(ctx context.Context) error { return next(ctx, cmds) })
		if errors.Is(err, ErrDown) {
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
		}
		return err
	}
}

// run sends commands within the limit, or what is left of the request's budget, and notices when that shows that Redis is down.
func (g guard) run(ctx context.Context, send func(context.Context) error) error {
	if ctx.Value(probing{}) != nil {
		return send(ctx)
	}
	budget := BudgetOf(ctx)
	if !g.r.Up() {
		return ErrDown
	}
	limit, ok := budget.left(g.limit, g.r.slow)
	if !ok {
		return ErrDown
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	paid := budget.pay()
	backs := g.r.backs.Load()
	err := send(bounded)
	paid()
	switch {
	case err == nil || ctx.Err() != nil || !broken(err): // the caller's time was over, or it left: that says nothing about Redis
		return err
	case limit < useTime/2 && errors.Is(bounded.Err(), context.DeadlineExceeded): // Redis may be slow alone: the watcher finds out
		budget.overrun(g.r.slow)
		g.r.doubt(err)
		return ErrDown
	}
	if g.limit > useTime || backs != g.r.backs.Load() { // it says how Redis was seconds ago, or before it was back: the watcher finds out how it is
		g.r.doubt(err)
		return err
	}
	g.r.fail(err)
	return err
}

// Spend has the budget of ctx pay for what a library does on Redis whose functions take no context: ErrDown if it is used up. What has begun is not cut off.
func (r *Redis) Spend(ctx context.Context, use func() error) error {
	if !r.Up() {
		return ErrDown
	}
	budget := BudgetOf(ctx)
	if _, ok := budget.left(useTime, r.slow); !ok {
		return ErrDown
	}
	defer budget.pay()()
	return use()
}

// unusable are the words that the responses of a Redis begin with which cannot serve us, though it responds: it starts, it is a replica of a lost
// or a former master, it is full, or it does not let us in.
var unusable = []string{"LOADING", "MASTERDOWN", "CLUSTERDOWN", "READONLY", "OOM", "MISCONF", "NOAUTH", "WRONGPASS", "NOPERM", "NOREPLICAS", "BUSY ", "ERR max number of clients"}

// broken reports whether the error of a command shows that Redis cannot be used now, and not only that this command was wrong.
func broken(err error) bool {
	if err == nil || errors.Is(err, redis.Nil) || errors.Is(err, ErrDown) {
		return false
	}
	said, ok := errors.AsType[redis.Error](err)
	if !ok {
		return true // nothing came back: refused, cut off, too late
	}
	for _, word := range unusable {
		if strings.HasPrefix(said.Error(), word) {
			return true
		}
	}
	return false
}

// fail notes that Redis is down, and has the watcher find out whether it still is.
func (r *Redis) fail(why error) {
	if r.up.CompareAndSwap(true, false) {
		r.doubt(why)
	}
}

// doubt has the watcher find out whether Redis is up.
func (r *Redis) doubt(why error) {
	select {
	case r.suspect <- why:
	default: // the watcher has been woken
	}
}

// watch probes Redis until ctx ends, and tells when it goes and when it is back. Known is what has been observed last.
func (r *Redis) watch(ctx context.Context, known bool) {
	defer close(r.stopped)
	for {
		every := probeUp
		if !r.up.Load() {
			every = probeDown
		}
		why := r.nap(ctx, every)
		if ctx.Err() != nil {
			return
		}
		if known && !r.up.Load() {
			known = false
			r.observe(false, reason(why))
		}
		err := r.look(ctx, known)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && !known:
			r.back()
			known = true
			r.observe(true, nil)
		case err != nil && known:
			r.up.Store(false)
			known = false
			r.observe(false, err)
		}
	}
}

// look probes Redis, which was up at the last look or not.
func (r *Redis) look(ctx context.Context, up bool) error {
	limit := findTime
	if up {
		if r.probe(ctx, probeTime) == nil {
			return nil
		}
		limit = connectTime // it may be us who were slow, or all connections were in use
	}
	if err := r.probe(ctx, limit); err != nil {
		return err
	}
	return r.probe(ctx, probeTime) // it may be there, and slow
}

// nap waits for d, or until a use of Redis has failed, and returns why it has.
func (r *Redis) nap(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
		select { // a use may have failed just now
		case why := <-r.suspect:
			return why
		default:
		}
	case why := <-r.suspect:
		return why
	}
	return nil
}

// back has everybody drop what they may have missed, and only then lets them use Redis again.
func (r *Redis) back() {
	r.mu.Lock()
	before, after := slices.Clone(r.recovered), slices.Clone(r.returned)
	r.mu.Unlock()
	for _, f := range before {
		f()
	}
	r.backs.Add(1)
	r.up.Store(true)
	for _, f := range after {
		f()
	}
}

// probe writes a key, as everything that uses Redis does: a replica, and a Redis that is full, can be read from.
func (r *Redis) probe(ctx context.Context, limit time.Duration) error {
	bounded, cancel := context.WithTimeout(context.WithValue(ctx, probing{}, true), limit)
	defer cancel()
	return reason(r.client.Set(bounded, r.Key("probe"), "1", time.Minute).Err())
}

// reason returns why Redis cannot be used, for the log: the kind of failure and Redis's own words, never an address or a URL.
func reason(err error) error {
	if err == nil {
		return nil
	}
	if said, ok := errors.AsType[redis.Error](err); ok {
		return common.Errorf(common.Unavailable, "Redis says: %v", said)
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return common.Errorf(common.Unavailable, "%s: %v", e.Op, e.Err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return common.Errorf(common.Unavailable, "no response in time")
	}
	return common.Errorf(common.Unavailable, "%v", err)
}
