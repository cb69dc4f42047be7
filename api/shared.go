package api

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"ecs-api/common"
)

// answer is what an endpoint answers: an error, or a header and bytes, so that none of those who share it can change it for the others.
type answer struct {
	status   int // 0: the endpoint's
	header   http.Header
	body     []byte
	stream   *stream // in place of a body; never shared
	err      error
	deferred bool // the response that lasts comes later: the request goes on
}

// flights are the reads of an account that are under way. Identical ones share one flight, and so their calls to AWS. The zero value is
// ready. It is a singleflight of our own because golang.org/x/sync's has no end for a read that nobody waits for any more, forgets one key at a
// time where a write must end the sharing of all, and ends the server if a read panics in DoChan.
type flights struct {
	mu  sync.Mutex
	all map[string]*flight // by what the read asks for
}

// flight is one read that any number of callers wait for.
type flight struct {
	waiting int // guarded by the flights' lock
	cancel  context.CancelFunc
	landed  chan struct{} // closed when answer is there
	answer  answer
}

// join answers with what read returns: this caller's, or that of an identical read which has begun and has not ended. The read goes on
// until limit while anybody waits for it; ctx is one caller's own. Shared says that another caller began the read.
func (f *flights) join(ctx context.Context, key string, limit time.Duration, read func(context.Context) answer) (a answer, shared bool) {
	f.mu.Lock()
	one, shared := f.all[key]
	if !shared {
		var detached context.Context
		one = &flight{landed: make(chan struct{})}
		detached, one.cancel = context.WithTimeout(context.WithoutCancel(ctx), limit)
		if f.all == nil {
			f.all = map[string]*flight{}
		}
		f.all[key] = one
		go f.fly(detached, key, one, read) // ends with limit, or when nobody waits any more
	}
	one.waiting++
	f.mu.Unlock()

	select {
	case <-one.landed:
		return one.answer, shared
	case <-ctx.Done():
		f.leave(key, one)
		return answer{err: common.Errorf(common.KindOf(ctx.Err()), "the caller did not wait: %w", ctx.Err())}, shared
	}
}

// fly makes the read. A panic of it is an error to each who waits.
func (f *flights) fly(ctx context.Context, key string, one *flight, read func(context.Context) answer) {
	one.answer.err = common.Errorf(common.Internal, "the read ended without an answer")
	defer func() {
		if p := recover(); p != nil {
			one.answer = answer{err: &panicked{fmt.Sprint(p), debug.Stack()}}
		}
		f.mu.Lock()
		f.forget(key, one)
		f.mu.Unlock()
		close(one.landed)
		one.cancel()
	}()
	one.answer = read(ctx)
}

// leave takes one caller away, who hung up. Nobody joins a read that the last one has left.
func (f *flights) leave(key string, one *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one.waiting--; one.waiting == 0 {
		f.forget(key, one)
		one.cancel()
	}
}

// forget lets nobody join the flight any more. The lock must be held.
func (f *flights) forget(key string, one *flight) {
	if f.all[key] == one {
		delete(f.all, key)
	}
}

// written lets nobody join the reads that have begun: it is called after a write's last effect, before the write is answered, so that
// whoever knows of the write never gets an answer from before it.
func (f *flights) written() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.all)
}

// panicked is the error of a read that panicked, in a goroutine of its own.
type panicked struct {
	value string
	stack []byte
}

func (p *panicked) Error() string { return "panic: " + p.value }

// shareable reports whether r may be answered with what another caller's identical request is answered.
func shareable(r *http.Request) bool {
	return isRead(r) && len(r.Header.Values(headerRegistry)) == 0 && !wantsStream(r)
}

// readKey is what a read asks for: all of the request that its answer depends on.
func readKey(r *http.Request) string {
	key := r.URL.EscapedPath() + "?" + r.URL.RawQuery
	if accepted(r) == mediaText {
		key += "#text" // no query holds a #
	}
	return key
}

// addHeader sets in h what more has; what the server did of what the caller prefers is in both.
func addHeader(h, more http.Header) {
	for name, values := range more {
		if name != headerApplied {
			h.Del(name)
		}
		for _, value := range values {
			h.Add(name, value)
		}
	}
}

// send writes an answer that is a success.
func (a answer) send(w http.ResponseWriter, status int) {
	addHeader(w.Header(), a.header)
	if len(a.body) > 0 && w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	write(w, status, a.body)
}
