package idempotency

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"ecs-api/common"
	"ecs-api/state"
)

const (
	// runningLife is how long a key stays taken whose server has died.
	runningLife = 45 * time.Second
	// renewEvery is how often this server says that its requests still run: a record outlives two renewals that fail.
	renewEvery = 15 * time.Second
	// maxRecords is how many responses are kept for a caller; the oldest go first.
	maxRecords = 10_000
	// maxSealed is how large a response may be that is kept. That of no POST is nearly as large.
	maxSealed = 1 << 20
)

// The first byte of a record, which says what comes after the fingerprint: who runs the request, or its response.
const (
	recordRunning = 'R'
	recordDone    = 'D'
	recordHead    = 1 + generationSize + sha256.Size
)

var (
	// beginScript returns the record of the key, and makes one of it, ARGV[1], for ARGV[2] ms, if there is none.
	beginScript = redis.NewScript(`
local known = redis.call("get", KEYS[1])
if known then return known end
redis.call("set", KEYS[1], ARGV[1], "px", ARGV[2])
return false`)
	// renewScript keeps the record ARGV[1] for ARGV[2] ms, and makes it anew if Redis has lost it.
	renewScript = redis.NewScript(`
local known = redis.call("get", KEYS[1])
if not known or known == ARGV[1] then redis.call("set", KEYS[1], ARGV[1], "px", ARGV[2]) end
return true`)
	// finishScript puts ARGV[2] in the place of the record ARGV[1] for ARGV[3] ms, or nothing if that is empty. KEYS[2] is the caller's records by time,
	// ARGV[4]; those over ARGV[5] go. They are in the slot of KEYS[1].
	finishScript = redis.NewScript(`
local known = redis.call("get", KEYS[1])
if known and known ~= ARGV[1] then return false end
if ARGV[2] == "" then return redis.call("del", KEYS[1]) end
redis.call("set", KEYS[1], ARGV[2], "px", ARGV[3])
redis.call("zadd", KEYS[2], ARGV[4], KEYS[1])
redis.call("pexpire", KEYS[2], ARGV[3])
local excess = redis.call("zcard", KEYS[2]) - ARGV[5]
if excess > 0 then
  for _, old in ipairs(redis.call("zrange", KEYS[2], 0, excess - 1)) do redis.call("del", old) end
  redis.call("zremrangebyrank", KEYS[2], 0, excess - 1)
end
return true`)
)

// Redis is a Store that all servers share. Of all servers' requests with a key one alone runs; a key whose server has died is free within a minute. Without Redis
// nobody can promise that, so a request with a key is refused then.
type Redis struct {
	shared  *state.Redis
	renewal *state.Renewal
	most    int
	now     func() time.Time

	mu      sync.Mutex
	running map[Key]*record // the requests of this server, and those whose end Redis does not know yet
}

// record is a request of this server. Its lock is held over what is done with it in Redis, so that no renewal comes after its end.
type record struct {
	key, index string // in Redis
	began      time.Time

	mu    sync.Mutex
	value []byte // as Redis has it while the request runs
	done  []byte // takes its place; empty to free the key
	ended bool
}

// NewRedis returns a store on the state. Close must be called.
func NewRedis(shared *state.Redis) *Redis {
	r := &Redis{shared: shared, most: maxRecords, now: time.Now, running: map[Key]*record{}}
	r.renewal = shared.Renew(renewEvery, r.renewAll)
	return r
}

// Close ends the renewals.
func (r *Redis) Close() { r.renewal.Close() }

// newRecord returns the record of a request that begins. Redis learns neither the key nor the request, but the caller's name.
func (r *Redis) newRecord(key Key, print Fingerprint) *record {
	sum := sha256.Sum256([]byte(key.Key))
	index := []string{"idempotency", "{" + key.Caller + "}"}
	var owner [16]byte
	_, _ = rand.Read(owner[:]) // it never fails
	return &record{
		key: r.shared.Key(append(index, hex.EncodeToString(sum[:]))...), index: r.shared.Key(index...), began: r.now(),
		value: slices.Concat([]byte{recordRunning}, print[:], owner[:]),
	}
}

// Begin implements Store.
func (r *Redis) Begin(ctx context.Context, key Key, print Fingerprint) ([]byte, error) {
	if here := r.here(key); here != nil { // Redis may have been restarted empty meanwhile
		return r.known(here, print)
	}
	mine := r.newRecord(key, print)
	var known []byte
	err := r.shared.Do(context.WithoutCancel(ctx), func(ctx context.Context, client redis.UniversalClient) error { // a caller that leaves would leave open who has the key
		text, err := beginScript.Run(ctx, client, []string{mine.key}, mine.value, runningLife.Milliseconds()).Text()
		known = []byte(text)
		return err
	})
	switch {
	case errors.Is(err, redis.Nil): // there was none
		r.keep(key, mine)
		return nil, nil
	case err != nil:
		mine.ended = true // Redis may have begun it: it is freed when Redis is back
		r.keep(key, mine)
		return nil, common.Errorf(common.Unavailable, "the servers' Redis cannot be used, and without it nobody can promise what an Idempotency-Key asks for; retry later, or without the key")
	}
	return r.known(known, print)
}

// known returns what a record says to another request with its key.
func (r *Redis) known(value []byte, print Fingerprint) ([]byte, error) {
	switch {
	case len(value) < recordHead:
		return nil, common.Errorf(common.Internal, "the record of the Idempotency-Key is cut")
	case !bytes.Equal(value[1:1+generationSize], print[:generationSize]):
		return nil, unreadable()
	case !bytes.Equal(value[1:recordHead], print[:]):
		return nil, keyReused()
	case value[0] != recordDone:
		return nil, keyInUse()
	}
	return value[recordHead:], nil
}

// here returns the record of the request with the key that this server runs; nil if it runs none.
func (r *Redis) here(key Key) []byte {
	r.mu.Lock()
	mine := r.running[key]
	r.mu.Unlock()
	if mine == nil {
		return nil
	}
	mine.mu.Lock()
	defer mine.mu.Unlock()
	if mine.ended {
		return nil
	}
	return mine.value
}

// keep remembers a record of this server. One that could not begin never takes the place of one that runs.
func (r *Redis) keep(key Key, mine *record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.running[key]; !known || !mine.ended {
		r.running[key] = mine
	}
}

// Finish implements Store. If Redis is out of reach it learns of the end when it is back.
func (r *Redis) Finish(ctx context.Context, key Key, sealed []byte) {
	r.mu.Lock()
	mine := r.running[key]
	r.mu.Unlock()
	if mine == nil {
		return
	}
	mine.mu.Lock()
	defer mine.mu.Unlock()
	if mine.ended {
		return
	}
	mine.ended = true
	if sealed != nil && len(sealed) <= maxSealed {
		mine.done = slices.Concat([]byte{recordDone}, mine.value[1:recordHead], sealed)
	}
	r.end(ctx, key, mine)
}

// end tells Redis how the request ended, and forgets it here once Redis knows, or nobody can ask for it any more. The record's lock must be held.
func (r *Redis) end(ctx context.Context, key Key, mine *record) {
	left := Keep - r.now().Sub(mine.began)
	err := r.shared.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		return finishScript.Run(ctx, client, []string{mine.key, mine.index}, mine.value, mine.done, max(left, time.Second).Milliseconds(), mine.began.UnixMilli(), r.most).Err()
	})
	if err == nil || errors.Is(err, redis.Nil) || left <= 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.running[key] == mine {
			delete(r.running, key)
		}
		return
	}
	if state.BudgetOf(ctx) != nil {
		r.renewal.Wake() // Redis may be slow alone, and the request has no time left to wait for it
	}
}

// renewAll renews each record once, or tells of its end what Redis does not know yet.
func (r *Redis) renewAll(ctx context.Context) {
	r.mu.Lock()
	all := maps.Clone(r.running)
	r.mu.Unlock()
	state.Each(slices.Collect(maps.Keys(all)), func(key Key) { r.renewOne(ctx, key, all[key]) })
}

func (r *Redis) renewOne(ctx context.Context, key Key, mine *record) {
	mine.mu.Lock()
	defer mine.mu.Unlock()
	if mine.ended {
		r.end(ctx, key, mine)
		return
	}
	_ = r.shared.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error { // what fails is tried again
		return renewScript.Run(ctx, client, []string{mine.key}, mine.value, runningLife.Milliseconds()).Err()
	})
}
