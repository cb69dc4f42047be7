// Package redisstore keeps the operations of all servers on the Redis that these share, so that each can show, list and stream what another works on.
// It owns one rule: an operation never stays running when its server has died; one that no queue has ends as interrupted.
//
// Keys, below the prefix of package state: op:{account}:{id} is an operation, ops:{account} the ids of an account's, by their beginning; job:{account}:{target}
// the id of the job that has the target; running the operations that have not ended, with their servers; server:{id} is there while that server lives; sweep:{account}:{id} while a server
// looks at an operation whose own one has died.
package redisstore

import (
	"context"
	"errors"
	"hash/crc32"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"ecs-api/orchestration/operations"
	"ecs-api/state"
)

// Times of a record. The zero value of each is its default.
type Times struct {
	Beat  time.Duration // how often a server says that it lives, and saves what it works on; 10 s
	Life  time.Duration // how long a server counts as alive after that; 30 s
	Sweep time.Duration // how often it looks for operations whose server has died; 5 s
	Grace time.Duration // how long the server must have been gone: Redis may be back before the servers are; 15 s, more than a beat
	Poll  time.Duration // how often operations that somebody watches are read; 250 ms
	Save  time.Duration // how often the progress of an operation is saved at most; 200 ms
}

func (t Times) orDefaults() Times {
	for d, otherwise := range map[*time.Duration]time.Duration{
		&t.Beat: 10 * time.Second, &t.Life: 30 * time.Second, &t.Sweep: 5 * time.Second, &t.Grace: 15 * time.Second,
		&t.Poll: 250 * time.Millisecond, &t.Save: 200 * time.Millisecond,
	} {
		if *d == 0 {
			*d = otherwise
		}
	}
	return t
}

// Options is what a Record is made of.
type Options struct {
	Redis  *state.Redis
	Seal   *state.Seal // of what results and errors say
	Server string      // the id of this server
	Times  Times
	// Queued reports whether the queue knows the job of the operation; an error means that nobody can say. Nil: there is no queue.
	Queued func(account, target, id string) (bool, error)
	// Interrupted is called with the operations that this server finds interrupted, as they end. Nil is fine.
	Interrupted func(operations.Operation)
}

// Record keeps operations on Redis, and this server's own in memory as well: while Redis is down, those are what there is.
type Record struct {
	o     Options
	own   *operations.Memory
	watch watch

	mu      sync.Mutex
	unsaved map[string]operations.Operation // by id: what Redis does not know yet
	saving  [256]sync.Mutex                 // of an operation, by its id, while it is saved: what is saved again never comes after what is newer
	missing map[string]time.Time            // operations, by field, that had no living server at the last sweep, since when

	stop    context.CancelFunc
	ctx     context.Context
	workers sync.WaitGroup
}

var _ operations.Record = (*Record)(nil)

// New returns a record. Close must be called.
func New(o Options) *Record {
	o.Times = o.Times.orDefaults()
	if o.Interrupted == nil {
		o.Interrupted = func(operations.Operation) {}
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Record{o: o, own: operations.NewMemory(), ctx: ctx, stop: stop, unsaved: map[string]operations.Operation{},
		missing: map[string]time.Time{}, watch: watch{watched: map[string]*watched{}}}
}

// Close ends what Run began.
func (r *Record) Close() {
	r.stop()
	r.workers.Wait()
}

func (r *Record) key(account, id string) string { return r.o.Redis.Key("op", account, id) }

// deleteIf deletes a key if it has the value.
var deleteIf = redis.NewScript(`if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end return 0`)

// Save keeps an operation as it is now. What Redis does not take is saved again with the next beat.
func (r *Record) Save(ctx context.Context, o operations.Operation) error {
	defer r.lock(o.ID)()
	return r.saveLocked(ctx, o)
}

// lock locks the saving of an operation, and returns the function that unlocks it.
func (r *Record) lock(id string) (unlock func()) {
	saving := &r.saving[crc32.ChecksumIEEE([]byte(id))%uint32(len(r.saving))]
	saving.Lock()
	return saving.Unlock
}

// saveAgain saves an operation as this server knew it a moment ago, unless something newer is known by now, here or in Redis.
func (r *Record) saveAgain(ctx context.Context, o operations.Operation) {
	defer r.lock(o.ID)()
	known, err := r.own.Find(ctx, o.Account, o.ID)
	if err == nil && (known.Ended() != o.Ended() || known.Server != o.Server) {
		return // what is newer was saved, or is in unsaved
	}
	there, err := r.find(ctx, o.Account, o.ID)
	if another := there.Ended() || there.Server != "" && there.Server != r.o.Server; err == nil && another && !o.Ended() { // it has the operation, or has ended it
		_ = r.own.Save(ctx, there)
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.unsaved, o.ID)
		return
	}
	_ = r.saveLocked(ctx, o) // else the next time
}

// saveLocked is Save while the saving of the operation is locked.
func (r *Record) saveLocked(ctx context.Context, o operations.Operation) error {
	_ = r.own.Save(ctx, o) // it never fails
	err := r.save(ctx, o)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && (o.Ended() || o.Server == "") {
		r.unsaved[o.ID] = o
	} else { // what this server works on is saved with each beat
		delete(r.unsaved, o.ID)
	}
	return err
}

func (r *Record) save(ctx context.Context, o operations.Operation) error {
	key := r.key(o.Account, o.ID)
	encoded, err := encode(r.o.Seal, key, o)
	if err != nil {
		return err
	}
	all, running, job := r.o.Redis.Key("ops", o.Account), r.o.Redis.Key("running"), r.o.Redis.Key("job", o.Account, o.Target)
	old := strconv.FormatInt(time.Now().Add(-operations.KeepFor).UnixMilli(), 10)
	if o.Ended() { // before the rest: whoever reads that it has ended can change the target. The nodes of a cluster may run their parts of a pipeline in any order
		err := r.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
			return deleteIf.Eval(ctx, client, []string{job}, o.ID).Err()
		})
		if err != nil {
			return err
		}
	}
	return r.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, key, encoded, operations.KeepFor)
			p.ZAdd(ctx, all, redis.Z{Score: float64(o.StartedAt.UnixMilli()), Member: o.ID})
			p.ZRemRangeByScore(ctx, all, "-inf", old)
			p.ZRemRangeByRank(ctx, all, 0, -operations.Keep-1)
			p.Expire(ctx, all, operations.KeepFor)
			if o.Ended() {
				p.HDel(ctx, running, field(o.Account, o.ID))
			} else {
				p.HSet(ctx, running, field(o.Account, o.ID), o.Server)
			}
			p.Expire(ctx, running, operations.KeepFor)
			if o.Queued && !o.Ended() {
				p.Set(ctx, job, o.ID, jobTime)
			}
			return nil
		})
		return err
	})
}

// jobTime is longer than any job takes: its target is not locked for ever where everything was lost.
const jobTime = 2 * time.Hour

// Find returns one of the account's operations, or NotFound.
func (r *Record) Find(ctx context.Context, account, id string) (operations.Operation, error) {
	o, err := r.find(ctx, account, id)
	known, unknown := r.own.Find(ctx, account, id)
	switch {
	case unknown != nil:
	case err != nil: // Redis is down, or has been restarted empty
		return known, nil
	case known.Ended() && !o.Ended() && (o.Server == "" || o.Server == r.o.Server): // Redis has lost its latest second; the next sweep saves it
		return known, nil
	case o.Ended() && !known.Ended(): // another server has done what this one has submitted
		_ = r.own.Save(ctx, o)
	}
	return o, err
}

// find is Find in Redis alone.
func (r *Record) find(ctx context.Context, account, id string) (o operations.Operation, err error) {
	key := r.key(account, id)
	err = r.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		encoded, err := client.Get(ctx, key).Bytes()
		if err == nil {
			o, err = decode(r.o.Seal, key, encoded)
		}
		return err
	})
	if errors.Is(err, redis.Nil) {
		return o, operations.NotKept(id)
	}
	return o, err
}

// getAll returns what Redis has by the keys, in their order, nil where it has nothing. It is one round trip, or one to each node of a cluster.
func getAll(ctx context.Context, client redis.UniversalClient, keys []string) ([][]byte, error) {
	gets, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range keys {
			p.Get(ctx, key)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	values := make([][]byte, len(gets))
	for i, get := range gets {
		// The error of a pipeline is that of its first command that has one: a missing key may hide that a node of a cluster failed.
		if values[i], err = get.(*redis.StringCmd).Bytes(); err != nil && !errors.Is(err, redis.Nil) {
			return nil, err
		}
	}
	return values, nil
}

// FindAll returns those of the ids that are operations of one of the accounts. They are read at once, however many they are.
func (r *Record) FindAll(ctx context.Context, accounts, ids []string) (found []operations.Operation) {
	keys := make([]string, 0, len(accounts)*len(ids))
	for _, account := range accounts {
		for _, id := range ids {
			keys = append(keys, r.key(account, id))
		}
	}
	known := map[string]bool{}
	_ = r.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error { // while Redis is down, they are this server's own
		values, err := getAll(ctx, client, keys)
		for i, encoded := range values {
			if o, err := decode(r.o.Seal, keys[i], encoded); encoded != nil && err == nil {
				found, known[o.ID] = append(found, o), true
			}
		}
		return err
	})
	for _, o := range r.own.FindAll(ctx, accounts, ids) {
		if !known[o.ID] {
			found = append(found, o)
		}
	}
	return found
}

// List returns the account's operations, the latest first. While Redis is down, they are this server's own.
func (r *Record) List(ctx context.Context, account string) []operations.Operation {
	var found []operations.Operation
	err := r.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		ids, err := client.ZRevRange(ctx, r.o.Redis.Key("ops", account), 0, operations.Keep-1).Result()
		if err != nil || len(ids) == 0 {
			return err
		}
		keys := make([]string, len(ids))
		for i, id := range ids {
			keys[i] = r.key(account, id)
		}
		values, err := getAll(ctx, client, keys)
		for i, encoded := range values {
			if o, err := decode(r.o.Seal, keys[i], encoded); encoded != nil && err == nil { // else it has been dropped meanwhile
				found = append(found, o)
			}
		}
		return err
	})
	if err != nil {
		return r.own.List(ctx, account)
	}
	return found
}

// Job returns the id of the job that has the target; empty if there is none, or Redis is down.
func (r *Record) Job(ctx context.Context, account, target string) (id string) {
	_ = r.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) (err error) {
		id, err = client.Get(ctx, r.o.Redis.Key("job", account, target)).Result()
		return err
	})
	return id
}

// Alive reports whether the server is at work. It is, as long as nobody can say.
func (r *Record) Alive(ctx context.Context, server string) bool {
	var n int64
	err := r.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) (err error) {
		n, err = client.Exists(ctx, r.o.Redis.Key("server", server)).Result()
		return err
	})
	return err != nil || n > 0
}

// Interval is how often progress is saved.
func (r *Record) Interval() time.Duration { return r.o.Times.Save }
