// Package leases locks services for all servers that share a Redis. It owns one rule: a lock ends with its holder, released or, when the holder's server
// has died, within Life; and who cannot reach Redis works without it, because AWS's ownership tags are the safety net below.
//
// What that cannot rule out: a server that stood still for longer than Life, or for which alone Redis is down, lets a second request in beside the first; so does a
// Redis that was restarted empty so quickly that no server noticed. Both requests then work as those on servers do that share nothing.
package leases

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bsm/redislock"
	"github.com/redis/go-redis/v9"

	"ecs-api/common"
	"ecs-api/orchestration/transaction"
	"ecs-api/state"
)

const (
	// Life is how long a lease lasts that nobody renews: how long the services of a server that has died stay locked.
	Life = 15 * time.Second
	// renewEvery is how often leases are renewed: a lease outlives two renewals that fail.
	renewEvery = 5 * time.Second
	// secondLook is when a lock that a request has is looked at again. A Redis that stood still may have given it to a request that had gone on without it
	// and has ended: its server releases it then, with a command or two.
	secondLook = 100 * time.Millisecond
	// settling is how long locks wait after Redis is back, which may be empty then: until then all servers have seen it, and their locks are there again.
	settling = time.Second
	// tokenLength is that of the token of a server, which the values of the keys begin with. The lease's own token follows, as long, and then the operation.
	tokenLength = 11
)

// Leases are the locks of this server on Redis. New makes them.
type Leases struct {
	shared  *state.Redis
	renewal *state.Renewal
	lost    func(target string)
	server  string       // the token of this server: a lease replaces an earlier one of its own server, which could not be released
	settled atomic.Int64 // when locks can be relied on again, in Unix nanoseconds

	mu   sync.Mutex
	held map[*lease]bool // true; false for one that could not be released
}

var _ transaction.Leases = (*Leases)(nil)

// New returns the leases of this server. Lost is called with each target that another server has locked although this one has not released it. Close must be called.
func New(shared *state.Redis, lost func(target string)) *Leases {
	l := &Leases{shared: shared, lost: lost, server: newToken(), held: map[*lease]bool{}}
	shared.OnRecovery(func() { l.settled.Store(time.Now().Add(settling).UnixNano()) })
	l.renewal = shared.Renew(renewEvery, l.renewAll)
	return l
}

// Close ends the renewals: what is still held is free within Life.
func (l *Leases) Close() { l.renewal.Close() }

// lease is one lock. Its own lock is held over what is done with it in Redis, so that no renewal comes after its release.
type lease struct {
	all    *Leases
	key    string
	target string
	token  string
	before []string    // the tokens of earlier leases of this server that could not be released: this one replaces them
	sent   atomic.Bool // Redis may have it; false if Redis has been down all the time

	mu        sync.Mutex
	operation string
	released  bool
	lost      bool // another server has the lock
}

// Acquire implements transaction.Leases.
func (l *Leases) Acquire(ctx context.Context, account, target, operation string) (transaction.Lease, error) {
	l.settle(ctx)
	held := &lease{all: l, key: l.shared.Key("lock", account, target), target: target, token: newToken(), operation: operation}
	whole := context.WithoutCancel(ctx) // a caller that leaves must not leave open whether Redis has it
	err := held.obtain(whole)
	for looks := 1; errors.Is(err, redislock.ErrNotObtained); looks++ {
		locked := &transaction.LockedElsewhere{Operation: l.holder(whole, held.key)}
		if locked.Operation != "" || looks == 2 || common.Sleep(ctx, secondLook) != nil {
			return nil, locked
		}
		if err = held.obtain(whole); err != nil && !errors.Is(err, redislock.ErrNotObtained) { // another server had it a moment ago
			l.hold(held)
			held.Release() // Redis may have given it to us
			return nil, locked
		}
	}
	l.hold(held)
	if err != nil { // Redis gets it with the first renewal that succeeds: at once, unless it is down
		l.renewal.Wake()
	}
	return held, nil
}

// hold has a lease renewed until it is released, instead of those that it replaces: Redis would else release these at any time, and the lock would be free for a moment.
func (l *Leases) hold(h *lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for other, holds := range l.held {
		if holds || other.key != h.key {
			continue
		}
		if other.sent.Load() {
			h.before = append(h.before, other.token)
		}
		h.before = append(h.before, other.before...)
		delete(l.held, other)
	}
	l.held[h] = true
}

// settle waits until locks can be relied on, or nobody can say whether they can.
func (l *Leases) settle(ctx context.Context) {
	if rest := time.Until(time.Unix(0, l.settled.Load())); rest > 0 && l.shared.Up() {
		_ = common.Sleep(ctx, rest) // a caller that leaves does not end what it began
	}
}

// newToken returns what tells a server, or a lease of a server, from all others.
func newToken() string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(random[:])
}

// do uses Redis for a lock, whatever the request's budget: what an Idempotency-Key, which is recorded first, used up of it would let two servers work on the
// service, and a lock that a request could not release would keep out its own job.
func (l *Leases) do(ctx context.Context, use func(context.Context, redis.UniversalClient) error) error {
	return l.shared.Do(state.WithoutBudget(ctx), use)
}

// holder returns the operation that holds the key; empty if a request does, or nobody any more.
func (l *Leases) holder(ctx context.Context, key string) (operation string) {
	_ = l.do(ctx, func(ctx context.Context, client redis.UniversalClient) error { // without it, the message says less
		value, err := client.Get(ctx, key).Result()
		if len(value) > 2*tokenLength {
			operation = value[2*tokenLength:]
		}
		return err
	})
	return operation
}

// obtain has Redis lock the key, or keep it locked for us, for Life from now on. The lease's lock must be held.
func (h *lease) obtain(ctx context.Context) error {
	return h.all.do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		h.sent.Store(true)
		_, err := redislock.Obtain(ctx, client, h.key, Life, &redislock.Options{Token: h.all.server, Metadata: h.token + h.operation})
		return err
	})
}

// Operation says which operation has the lock from now on.
func (h *lease) Operation(ctx context.Context, id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.operation = id; !h.released && h.obtain(context.WithoutCancel(ctx)) != nil {
		h.all.renewal.Wake() // which says it
	}
}

// Release unlocks the service. If Redis is out of reach, the first renewal that succeeds does, or the lease ends.
func (h *lease) Release() {
	h.mu.Lock()
	h.released = true
	done := h.delete(context.Background())
	h.mu.Unlock()
	h.all.mu.Lock()
	if done {
		delete(h.all.held, h)
	} else {
		h.all.held[h] = false
	}
	h.all.mu.Unlock()
	if !done {
		h.all.renewal.Wake() // Redis may be slow alone
	}
}

// releaseScript deletes the key if its value begins with one of ARGV. redislock releases only what it has obtained, and whether it has, nobody knows when
// Redis's response was lost: to obtain a lock that is free, only to release it, would keep others out for a moment.
var releaseScript = redis.NewScript(`
local value = redis.call("get", KEYS[1])
for _, tokens in ipairs(ARGV) do
	if value and string.sub(value, 1, #tokens) == tokens then return redis.call("del", KEYS[1]) end
end
return 0`)

// delete deletes the key if it is ours, and reports whether Redis knows. The lease's lock must be held.
func (h *lease) delete(ctx context.Context) bool {
	if !h.sent.Load() && len(h.before) == 0 {
		return true
	}
	tokens := []any{h.all.server + h.token}
	for _, token := range h.before {
		tokens = append(tokens, h.all.server+token)
	}
	return h.all.do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		return releaseScript.Run(ctx, client, []string{h.key}, tokens...).Err()
	}) == nil
}

// renewAll renews each lease once: in time, however many there are.
func (l *Leases) renewAll(ctx context.Context) {
	l.mu.Lock()
	all := slices.Collect(maps.Keys(l.held))
	l.mu.Unlock()
	state.Each(all, func(h *lease) { h.renew(ctx) })
}

// renew has Redis keep the lease, or forget it if it has been released.
func (h *lease) renew(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.released {
		h.keep(ctx)
		return
	}
	if h.delete(ctx) {
		h.all.mu.Lock()
		delete(h.all.held, h)
		h.all.mu.Unlock()
	}
}

// keep has Redis keep the lease. Where that fails, the next renewal tries again, and the tags in AWS keep the requests apart. The lease's lock must be held.
func (h *lease) keep(ctx context.Context) {
	err := h.obtain(ctx)
	if errors.Is(err, redislock.ErrNotObtained) && common.Sleep(ctx, secondLook) == nil { // a request has it that is about to be refused, as a job has its target
		err = h.obtain(ctx)
	}
	switch {
	case err == nil:
		h.lost = false
	case errors.Is(err, redislock.ErrNotObtained) && !h.lost:
		h.lost = true
		h.all.lost(h.target)
	}
}
