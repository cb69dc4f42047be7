package queue

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"ecs-api/orchestration/operations"
)

const (
	// keyLife is how long the keys of a queue stay that no server works on any more: its jobs are dead by then.
	keyLife = operations.KeepFor
	// renewEvery is how often servers say that they work on it. A key that asynq creates has no TTL until then.
	renewEvery = time.Minute
	// maxIDs is how many tasks of a kind get a TTL: asynq keeps as many that it has given up.
	maxIDs = 10_000
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

// renew has Redis drop what it has of our queues, unless somebody renews that within keyLife: asynq itself lets most of it stay for ever. What it
// writes for all queues of a Redis, a set of their names, belongs to others too, who would not write it again: that stays.
func (q *Queue) renew(ctx context.Context) {
	for _, account := range q.o.Accounts {
		if q.renewQueue(ctx, "asynq:{"+q.name(account)+"}:") != nil {
			return // Redis is down, and comes back
		}
	}
	now := strconv.FormatInt(time.Now().Unix()-1, 10)
	_ = q.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error { // else the next time
		_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, key := range serverKeys {
				p.ZRemRangeByScore(ctx, key, "-inf", now)
				p.Expire(ctx, key, keyLife)
			}
			return nil
		})
		return err
	})
}

// renewQueue renews the keys with the prefix.
func (q *Queue) renewQueue(ctx context.Context, prefix string) error {
	ids, err := q.ids(ctx, prefix)
	if err != nil {
		return err
	}
	keys := slices.Concat(listKeys, setKeys, otherKeys)
	for _, id := range ids {
		keys = append(keys, "t:"+id)
	}
	return q.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, key := range counters { // asynq counts on, and leaves the TTL
				p.SetNX(ctx, prefix+key, 0, keyLife)
			}
			for _, key := range keys {
				p.Expire(ctx, prefix+key, keyLife)
			}
			return nil
		})
		return err
	})
}

// ids returns the ids of the tasks in the queue whose keys have the prefix.
func (q *Queue) ids(ctx context.Context, prefix string) (ids []string, err error) {
	err = q.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		var found []*redis.StringSliceCmd
		_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, key := range listKeys {
				found = append(found, p.LRange(ctx, prefix+key, 0, maxIDs-1))
			}
			for _, key := range setKeys {
				found = append(found, p.ZRange(ctx, prefix+key, 0, maxIDs-1))
			}
			return nil
		})
		for _, some := range found {
			ids = append(ids, some.Val()...)
		}
		return err
	})
	return ids, err
}
