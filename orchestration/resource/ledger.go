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

// Leave ends what Enter began. A request that failed passes how to roll back the thing, if it created it. Leave returns what the caller has to run before it releases the
// reservation: the rollbacks of all that failed, if this was the last user and none succeeded.
func (l *Ledger) Leave(key string, succeeded bool, rollback saga.Rollback) (run saga.Rollback, reservation *Reservation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.uses[key]
	u.users--
	if succeeded {
		u.pending = nil
	} else if rollback != nil {
		u.pending = append(u.pending, rollback)
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
	return run, l.reserve(key, u)
}

// ReserveUnused locks the thing for its deletion, if no request uses it: those that need it wait until the lock is released.
func (l *Ledger) ReserveUnused(t Thing) (*Reservation, bool) {
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
	return l.reserve(key, u), true
}

// Reservation keeps users out of a thing while it is deleted.
type Reservation struct {
	ledger *Ledger
	key    string
	use    *use
}

// reserve keeps users out of the thing. The lock must be held.
func (l *Ledger) reserve(key string, u *use) *Reservation {
	u.deleted = make(chan struct{})
	return &Reservation{l, key, u}
}

// What names the thing in messages.
func (r *Reservation) What() string {
	kind, name, _ := strings.Cut(r.key, "/")
	return Kind(kind).Word() + " " + name
}

// Busy makes whoever comes get the error at once: the deletion continues in the background.
func (r *Reservation) Busy(err error) {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	r.use.busy = err
}

// Release lets users in again.
func (r *Reservation) Release() {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	if r.ledger.uses[r.key] == r.use {
		close(r.use.deleted)
		delete(r.ledger.uses, r.key)
	}
}
