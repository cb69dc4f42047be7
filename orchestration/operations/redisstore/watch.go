package redisstore

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"

	"ecs-api/common"
)

// watch are the operations of other servers that somebody here watches. One goroutine reads all of them, as long as there are any.
type watch struct {
	mu      sync.Mutex
	watched map[string]*watched // by key
	polls   bool                // the goroutine runs
}

// watched is an operation that is read again and again.
type watched struct {
	changed chan struct{} // closed when it is read and differs
	known   bool          // it has been read
	last    string        // as it was read last; empty if it is not there
	waiting int           // how many wait for its change
	idle    int           // how often it was read since nobody waits
}

// lingers is how often an operation is read though nobody waits: who watches looks at it between two waits.
const lingers = 20

// Changed returns a channel that is closed when the operation may have changed after the call; done ends the watch.
func (r *Record) Changed(account, id string) (changed <-chan struct{}, done func()) {
	key := r.key(account, id)
	r.watch.mu.Lock()
	defer r.watch.mu.Unlock()
	w := r.watch.watched[key]
	if w == nil {
		w = &watched{changed: make(chan struct{})}
		r.watch.watched[key] = w
	}
	w.waiting++
	if !r.watch.polls && r.ctx.Err() == nil {
		r.watch.polls = true
		r.workers.Go(r.poll)
	}
	return w.changed, sync.OnceFunc(func() {
		r.watch.mu.Lock()
		defer r.watch.mu.Unlock()
		w.waiting--
		w.idle = 0
	})
}

// poll reads what is watched until nobody watches anything.
func (r *Record) poll() {
	for common.Sleep(r.ctx, r.o.Times.Poll) == nil {
		keys := r.watch.keys()
		if keys == nil {
			return
		}
		if values, err := r.read(r.ctx, keys); err == nil {
			r.watch.update(keys, values)
		}
	}
}

// keys returns those that are watched. Nil ends the polling.
func (w *watch) keys() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var keys []string
	for key, one := range w.watched {
		if one.waiting == 0 {
			if one.idle++; one.idle > lingers {
				delete(w.watched, key)
				continue
			}
		}
		keys = append(keys, key)
	}
	w.polls = keys != nil
	return keys
}

// update wakes those whose operations have changed.
func (w *watch) update(keys, values []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, key := range keys {
		one := w.watched[key]
		if one == nil || one.known && one.last == values[i] {
			continue
		}
		one.known, one.last = true, values[i]
		close(one.changed)
		one.changed = make(chan struct{})
	}
}

// read returns what Redis has under the keys; empty where it has nothing.
func (r *Record) read(ctx context.Context, keys []string) ([]string, error) {
	values := make([]string, len(keys))
	err := r.o.Redis.Do(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		got := make([]*redis.StringCmd, len(keys))
		_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, key := range keys {
				got[i] = p.Get(ctx, key)
			}
			return nil
		})
		if err != nil && !isNil(err) {
			return err
		}
		for i := range keys {
			values[i] = got[i].Val()
		}
		return nil
	})
	return values, err
}
