package queue

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"ecs-api/orchestration/operations"
	"ecs-api/state"
)

const (
	// keyLife is how long the keys of a queue stay that no server works on any more: its jobs are dead by then.
	keyLife = operations.KeepFor
	// renewEvery is how often servers say that they work on it. A key that asynq creates has no TTL until then.
	renewEvery = time.Minute
	// maxIDs is how many tasks of a list get a TTL: asynq keeps as many that it has given up.
	maxIDs = 10_000
	// perUse is how many keys one use of Redis reads or renews, of each list: few enough that a long queue does not make it so slow that Redis counts as down.
	perUse = 500
)

// asynq's names of the keys of a queue, below asynq:{queue}:, as its source has them (internal/base of v0.26): lists of task ids, sets of them by
// time, and the rest. A task itself is t:{id}. Its counters by day have a TTL of 90 days.
var (
	listKeys  = []string{"pending", "active"}
	setKeys   = []string{"scheduled", "retry", "archived", "completed"}
	otherKeys = []string{"lease", "paused", "processed", "failed"}
	counters  = []string{"processed", "failed"}
)

// What asynq's servers say of themselves: sets of names, by when each ends. Those of servers that were killed stay in them, unless somebody takes them out.
var serverKeys = []string{"asynq:servers", "asynq:workers"}

// changed is the names of the queues that have keys which may lack a TTL.
type changed struct {
	mu    sync.Mutex
	names map[string]bool
}

// add adds a queue.
func (c *changed) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.names == nil {
		c.names = map[string]bool{}
	}
	c.names[name] = true
}

// take returns the queues that were added, each once.
func (c *changed) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := slices.Sorted(maps.Keys(c.names))
	clear(c.names)
	return names
}

// renewChanged renews the queues that have changed: a task whose server dies before the next renewal of all would stay for ever.
func (q *Queue) renewChanged(ctx context.Context) { q.renewQueues(ctx, q.changed.take()) }

// renew has Redis drop what it has of our queues, unless somebody renews that within keyLife: asynq itself lets most of it stay for ever. What it
// writes for all queues of a Redis, a set of their names, belongs to others too, who would not write it again: that stays.
func (q *Queue) renew(ctx context.Context) {
	var names []string
	for _, account := range q.o.Accounts {
		names = append(names, q.name(account))
	}
	q.renewQueues(ctx, names)
	now := strconv.FormatInt(time.Now().Unix()-1, 10)
	_ = q.pipelined(ctx, func(ctx context.Context, p redis.Pipeliner) { // else the next time
		for _, key := range serverKeys {
			p.ZRemRangeByScore(ctx, key, "-inf", now)
			p.Expire(ctx, key, keyLife)
		}
	})
}

// renewQueues renews the keys of the queues. What fails of one is done by its next renewal, and keeps no other from its own.
func (q *Queue) renewQueues(ctx context.Context, names []string) {
	for _, name := range names {
		if errors.Is(q.renewQueue(ctx, "asynq:{"+name+"}:"), state.ErrDown) {
			return // when it is back, all are renewed
		}
	}
}

// renewQueue renews the keys with the prefix.
func (q *Queue) renewQueue(ctx context.Context, prefix string) error {
	err := q.pipelined(ctx, func(ctx context.Context, p redis.Pipeliner) {
		for _, key := range counters { // asynq counts on, and leaves the TTL
			p.SetNX(ctx, prefix+key, 0, keyLife)
		}
	})
	if err != nil {
		return err
	}
	ids, err := q.ids(ctx, prefix)
	keys := slices.Concat(listKeys, setKeys, otherKeys)
	for _, id := range ids {
		keys = append(keys, "t:"+id)
	}
	for some := range slices.Chunk(keys, perUse) {
		err = errors.Join(err, q.pipelined(ctx, func(ctx context.Context, p redis.Pipeliner) {
			for _, key := range some {
				p.Expire(ctx, prefix+key, keyLife)
			}
		}))
	}
	return err
}

// pipelined sends commands as one use of Redis.
func (q *Queue) pipelined(ctx context.Context, commands func(context.Context, redis.Pipeliner)) error {
	return q.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
			commands(ctx, p)
			return nil
		})
		return err
	})
}

// ids returns the ids of the tasks in the queue whose keys have the prefix, as far as they could be read.
func (q *Queue) ids(ctx context.Context, prefix string) (ids []string, err error) {
	keys := slices.Concat(listKeys, setKeys)
	for start := int64(0); start < maxIDs && len(keys) > 0 && err == nil; start += perUse {
		found := map[string]*redis.StringSliceCmd{}
		err = q.pipelined(ctx, func(ctx context.Context, p redis.Pipeliner) {
			for _, key := range keys {
				if slices.Contains(listKeys, key) {
					found[key] = p.LRange(ctx, prefix+key, start, start+perUse-1)
				} else {
					found[key] = p.ZRange(ctx, prefix+key, start, start+perUse-1)
				}
			}
		})
		if len(found) == 0 { // Redis went down before this use, and nothing was sent
			return ids, err
		}
		keys = slices.DeleteFunc(keys, func(key string) bool {
			some := found[key].Val()
			ids = append(ids, some...)
			return len(some) < perUse
		})
	}
	return ids, err
}
