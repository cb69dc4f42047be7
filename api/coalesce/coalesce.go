// Package coalesce lets identical reads that are under way at the same time share one result, and so their calls to AWS. It owns one rule: whoever
// knows of a write never gets a result from before it.
package coalesce

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"ecs-api/common"
)

// Reads are the reads that are under way, of results T. The zero value is ready. It is a singleflight of our own because golang.org/x/sync's has
// no end for a read that nobody waits for any more, forgets one key at a time where a write must end the sharing of all, and ends the server if a
// read panics in DoChan.
type Reads[T any] struct {
	mu  sync.Mutex
	all map[string]*read[T] // by key
}

// read is one read that any number of callers wait for.
type read[T any] struct {
	waiting int // guarded by the lock of Reads
	cancel  context.CancelFunc
	done    chan struct{} // closed when result and err are there
	result  T
	err     error
}

// Do returns what do returns: called for this caller, or for an earlier one whose read has the same key, has begun and has not ended; shared says
// which. The read continues until limit while anybody waits for it; ctx is one caller's own. Nobody may change a result, which others have too. A
// panic of do is a *Panic to each who waits.
func (r *Reads[T]) Do(ctx context.Context, key string, limit time.Duration, do func(context.Context) (T, error)) (result T, shared bool, err error) {
	r.mu.Lock()
	one, shared := r.all[key]
	if !shared {
		var detached context.Context
		one = &read[T]{done: make(chan struct{})}
		detached, one.cancel = context.WithTimeout(context.WithoutCancel(ctx), limit) //nolint:gosec // run cancels it, and leave, when nobody waits any more
		if r.all == nil {
			r.all = map[string]*read[T]{}
		}
		r.all[key] = one
		go r.run(detached, key, one, do) // ends with limit, or when nobody waits any more
	}
	one.waiting++
	r.mu.Unlock()

	select {
	case <-one.done:
		return one.result, shared, one.err
	case <-ctx.Done():
		r.leave(key, one)
		return result, shared, common.Errorf(common.KindOf(ctx.Err()), "the caller did not wait: %w", ctx.Err())
	}
}

// run makes the read.
func (r *Reads[T]) run(ctx context.Context, key string, one *read[T], do func(context.Context) (T, error)) {
	one.err = common.Errorf(common.Internal, "the read ended without a result")
	defer func() {
		if p := recover(); p != nil {
			one.err = &Panic{Value: fmt.Sprint(p), Stack: debug.Stack()}
		}
		r.mu.Lock()
		r.forget(key, one)
		r.mu.Unlock()
		close(one.done)
		one.cancel()
	}()
	one.result, one.err = do(ctx)
}

// leave takes one caller away, who hung up. Nobody shares a read that the last one has left.
func (r *Reads[T]) leave(key string, one *read[T]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if one.waiting--; one.waiting == 0 {
		r.forget(key, one)
		one.cancel()
	}
}

// forget lets nobody share the read any more. The lock must be held.
func (r *Reads[T]) forget(key string, one *read[T]) {
	if r.all[key] == one {
		delete(r.all, key)
	}
}

// Invalidate lets nobody share the reads that have begun. Call it after a write's last effect, and before the write's response.
func (r *Reads[T]) Invalidate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.all)
}

// Panic is the error of a read that panicked, in a goroutine of its own.
type Panic struct {
	Value string
	Stack []byte
}

// Error says what the read panicked with.
func (p *Panic) Error() string { return "panic: " + p.Value }
