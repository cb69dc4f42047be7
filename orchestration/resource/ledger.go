package resource

import (
	"context"
	"strings"
	"sync"
	"time"

	"ecs-api/orchestration/saga"
)

// Ledger counts, per shared thing, the requests of this server that use it now. When the request that created a thing fails while another one uses
// it, rolling it back is left to the last one that fails, and dropped when one that uses it succeeds. The zero value is ready.
type Ledger struct {
	mu   sync.Mutex
	uses map[string]*use
}

// use is one shared thing that requests use, or that one deletes.
type use struct {
	users   int
	pending []saga.Rollback // left by requests that failed
	deleted chan struct{}   // closed when whoever deletes the thing is done; nil if nobody does
	busy    error           // the error for requests that come while it is deleted in the background; nil if they shall wait
}

// Enter counts a request among the users of a thing. It waits while the thing is being deleted, and is a Conflict if that continues in the background.
func (l *Ledger) Enter(ctx context.Context, key string) error {
	for {
		l.mu.Lock()
		u := l.uses[key]
		if u == nil {
			u = &use{}
			if l.uses == nil {
				l.uses = map[string]*use{}
			}
			l.uses[key] = u
		}
		if u.deleted == nil {
			u.users++
			l.mu.Unlock()
			return nil
		}
		wait, busy := u.deleted, u.busy
		l.mu.Unlock()
		if busy != nil {
			return busy
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(enterPoll): // the deletion may have moved to the background
		}
	}
}

// enterPoll is how often a request that waits looks whether the deletion has moved to the background.
const enterPoll = 100 * time.Millisecond

// Leave ends what Enter began. A request that failed passes how to roll back the thing, if it created it. What comes back is for the caller to run,
// then to call done: the rollbacks of all that failed, if this was the last user and none succeeded.
func (l *Ledger) Leave(key string, succeeded bool, back saga.Rollback) (run saga.Rollback, h *Hold) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.uses[key]
	u.users--
	if succeeded {
		u.pending = nil
	} else if back != nil {
		u.pending = append(u.pending, back)
	}
	switch {
	case u.users > 0:
		return nil, nil
	case len(u.pending) == 0:
		delete(l.uses, key)
		return nil, nil
	}
	run = saga.Reverse(u.pending...)
	u.pending = nil
	return run, l.hold(key, u)
}

// ReserveUnused locks the thing for its deletion, if no request uses it: those that need it wait until the lock is released.
func (l *Ledger) ReserveUnused(t Thing) (*Hold, bool) {
	key := ledgerKey(t)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.uses[key] != nil {
		return nil, false
	}
	if l.uses == nil {
		l.uses = map[string]*use{}
	}
	u := &use{}
	l.uses[key] = u
	return l.hold(key, u), true
}

// Hold keeps users out of a thing while it is deleted.
type Hold struct {
	ledger *Ledger
	key    string
	use    *use
}

// hold keeps users out of the thing. The lock must be held.
func (l *Ledger) hold(key string, u *use) *Hold {
	u.deleted = make(chan struct{})
	return &Hold{l, key, u}
}

// What names the thing in messages.
func (h *Hold) What() string {
	kind, name, _ := strings.Cut(h.key, "/")
	return Kind(kind).Word() + " " + name
}

// Busy makes whoever comes get the error at once: the deletion continues in the background.
func (h *Hold) Busy(err error) {
	h.ledger.mu.Lock()
	defer h.ledger.mu.Unlock()
	h.use.busy = err
}

// Release lets users in again.
func (h *Hold) Release() {
	h.ledger.mu.Lock()
	defer h.ledger.mu.Unlock()
	if h.ledger.uses[h.key] == h.use {
		close(h.use.deleted)
		delete(h.ledger.uses, h.key)
	}
}
