package common

import (
	"container/list"
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"
)

// patienceOf returns how long the calls of each priority let those of higher ones go first: once in that time one of them takes a token before all
// others, so that nothing waits forever. They get a tenth of a bucket's tokens at most in that way.
func patienceOf(perSecond float64) [numPriorities]time.Duration {
	tenth := time.Duration(10 / perSecond * float64(time.Second))
	return [numPriorities]time.Duration{PriorityBackground: max(5*time.Second, tenth), PriorityPoll: max(time.Second, tenth)}
}

// reserve returns how many of a bucket's tokens the calls of each priority leave to higher ones: background work half of them, polls a quarter. So a
// change finds tokens at once in a bucket that polls empty.
func reserve(burst int) [numPriorities]float64 {
	return [numPriorities]float64{PriorityBackground: float64((burst - 1) / 2), PriorityPoll: float64((burst - 1) / 4)}
}

// Turn is a place in the queue for a token of a rate bucket. Whoever takes one has to Use or to Leave it.
type Turn struct {
	bucket   *limiter
	since    time.Time
	ready    bool          // there was a token at once
	due      chan struct{} // closed when there is a token; nil if there was one at once
	priority Priority
	place    *list.Element // in the bucket's queue; nil when it is not in it any more. Guarded by the bucket's lock.
}

// turn takes a token if there is one for the priority and nobody is to have it first; else a place in the queue.
func (l *limiter) turn(p Priority) *Turn { return l.enter(p, false) }

// again is turn for a retry: it has waited for its turn already, so it goes before all others of its priority.
func (l *limiter) again(p Priority) *Turn { return l.enter(p, true) }

func (l *limiter) enter(p Priority, first bool) *Turn {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.speedUp(now)
	t := &Turn{bucket: l, since: now, priority: p}
	from := p
	if first {
		from++
	}
	if l.ahead(from) == 0 && l.tokens.TokensAt(now) >= 1+l.reserve[p] && l.tokens.AllowN(now, 1) {
		t.ready = true
		return t
	}
	t.due = make(chan struct{})
	if first {
		t.place = l.queues[p].PushFront(t)
	} else {
		t.place = l.queues[p].PushBack(t)
	}
	l.arm(now)
	return t
}

// ahead returns how many wait whose turn comes before that of one who comes now with the priority. The lock must be held.
func (l *limiter) ahead(p Priority) (n int) {
	for ; p < numPriorities; p++ {
		n += l.queues[p].Len()
	}
	return n
}

// serve gives the tokens there are to those whose turn it is.
func (l *limiter) serve() {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for t := l.next(now); t != nil && l.tokens.AllowN(now, 1); t = l.next(now) {
		l.remove(t)
		l.served[t.priority] = now
		close(t.due)
	}
	l.arm(now)
}

// next returns whose turn it is, if there are tokens enough for it. The lock must be held.
func (l *limiter) next(now time.Time) *Turn {
	for p := range numPriorities {
		if t := l.first(p); t != nil && now.Sub(l.passedSince(t)) >= l.patience[p] && p < PriorityChange && l.delay(now, 1) == 0 {
			return t
		}
	}
	for p := PriorityChange; ; p-- {
		if t := l.first(p); t != nil {
			if l.delay(now, 1+l.reserve[p]) > 0 {
				return nil // of a lower priority, more would have to be left
			}
			return t
		}
		if p == PriorityBackground {
			return nil
		}
	}
}

// first returns who has waited longest with the priority; nil if nobody waits. The lock must be held.
func (l *limiter) first(p Priority) *Turn {
	if e := l.queues[p].Front(); e != nil {
		return e.Value.(*Turn)
	}
	return nil
}

// passedSince returns since when nobody of t's priority had a turn although t waited. The lock must be held.
func (l *limiter) passedSince(t *Turn) time.Time {
	if served := l.served[t.priority]; served.After(t.since) {
		return served
	}
	return t.since
}

// delay returns how long it takes until there are so many tokens. The lock must be held.
func (l *limiter) delay(now time.Time, tokens float64) time.Duration {
	missing := tokens - l.tokens.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(missing / float64(l.tokens.Limit()) * float64(time.Second)))
}

// arm sets the timer to when the next turn may come. The lock must be held.
func (l *limiter) arm(now time.Time) {
	soonest := time.Duration(-1)
	for p := range numPriorities {
		t := l.first(p)
		if t == nil {
			continue
		}
		wait := l.delay(now, 1+l.reserve[p])
		if p < PriorityChange {
			wait = min(wait, max(l.delay(now, 1), l.patience[p]-now.Sub(l.passedSince(t))))
		}
		if soonest < 0 || wait < soonest {
			soonest = wait
		}
	}
	switch {
	case soonest < 0: // a timer that is still set finds nobody
	case l.timer == nil:
		l.timer = time.AfterFunc(soonest, l.serve)
	default:
		l.timer.Reset(soonest)
	}
}

// remove takes a turn out of the queue. The lock must be held.
func (l *limiter) remove(t *Turn) {
	l.queues[t.priority].Remove(t.place)
	t.place = nil
}

// Ready reports whether there was a token at once.
func (t *Turn) Ready() bool { return t.ready }

// Raise gives the turn a higher priority, at that one's end of the queue. A lower one, or the same, changes nothing.
func (t *Turn) Raise(p Priority) {
	l, now := t.bucket, time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.place == nil || p <= t.priority {
		return
	}
	l.remove(t)
	t.priority = p
	t.place = l.queues[p].PushBack(t)
	l.arm(now)
}

// Check returns an error if the turn cannot come before ctx ends, not even at the bucket's whole rate: what slows it down may pass, and a late response is
// better than none.
func (t *Turn) Check(ctx context.Context) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		return nil
	}
	delay := t.delay()
	t.bucket.mu.Lock()
	soonest := time.Duration(float64(delay) * t.bucket.share)
	t.bucket.mu.Unlock()
	if time.Until(deadline) < soonest {
		return t.bucket.refusal(ctx, delay)
	}
	return nil
}

// delay returns after how long the turn comes if nobody comes who goes first.
func (t *Turn) delay() time.Duration {
	l, now := t.bucket, time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.place == nil {
		return 0
	}
	ahead := l.ahead(t.priority + 1)
	for e := t.place; e != nil; e = e.Prev() {
		ahead++
	}
	return l.delay(now, float64(ahead))
}

// Wait waits for the turn. An error is that of a call that was not made; the turn is left then.
func (t *Turn) Wait(ctx context.Context) error {
	defer t.observe()
	if t.ready {
		return nil
	}
	if err := t.Check(ctx); err != nil {
		t.Leave()
		return err
	}
	select {
	case <-t.due:
		return nil
	case <-ctx.Done():
		err := t.Missed(ctx)
		t.Leave()
		return err
	}
}

// Missed returns the error of one whose ctx ended before the turn came: others came who went first, or the caller hung up.
func (t *Turn) Missed(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return t.bucket.refusal(ctx, t.delay())
	}
	return ended(ctx)
}

// observe tells how long the turn was waited for.
func (t *Turn) observe() {
	if t.bucket.waited != nil {
		t.bucket.waited(t.bucket.name, time.Since(t.since))
	}
}

// Leave gives the turn up. A token that has come meanwhile is lost.
func (t *Turn) Leave() {
	l := t.bucket
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.place != nil {
		l.remove(t)
		l.arm(time.Now())
	}
}

type turnKey struct{}

// waited is a token that was waited for, for the first try of one call.
type waited struct {
	bucket *limiter
	used   atomic.Bool
}

// Use returns a context for the call that the turn was waited for: the first try of the first call under it takes no other token, and all its calls have the
// turn's priority.
func (t *Turn) Use(ctx context.Context) context.Context {
	t.bucket.mu.Lock()
	defer t.bucket.mu.Unlock()
	return context.WithValue(context.WithValue(ctx, turnKey{}, &waited{bucket: t.bucket}), priorityKey{}, t.priority)
}

// takesTurn reports whether a call under ctx has its token already, and takes it.
func (l *limiter) takesTurn(ctx context.Context) bool {
	had, ok := ctx.Value(turnKey{}).(*waited)
	return ok && had.bucket == l && had.used.CompareAndSwap(false, true)
}
