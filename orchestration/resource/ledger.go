package resource

import (
	"context"
	"strings"
	"sync"
	"time"

	"ecs-api/orchestration/saga"
)

// Ledger counts, for each shared thing, the requests of this server that are using it. If the request that created the thing fails while others use it, it
// leaves the rollback to the last one of them that fails. If one of them succeeds, the rollback is dropped. The zero value is ready.
type Ledger struct {
	mu   sync.Mutex
	uses map[string]*use
}

// use is one shared thing that requests use, or that one request deletes.
type use struct {
	users   int
	pending []saga.Rollback // left by requests that failed
	deleted chan struct{}   // closed when the deletion of the thing has ended; nil if nobody deletes it
	busy    error           // what Enter returns while the thing is deleted in the background; nil if requests must wait
}

// Enter counts a request among the users of a thing. It waits while the thing is being deleted; if the deletion continues in the background, it is a Conflict.
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

// Leave ends what Enter began. A request that failed passes its rollback of the thing, if it created the thing. If this was the last user and none succeeded,
// Leave returns the rollbacks of all users that failed: the caller must run them, then release the reservation.
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

// ReserveUnused reserves the thing for its deletion, if no request uses it. Requests that need the thing wait until the reservation is released.
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

// Reservation keeps requests away from a thing while it is deleted.
type Reservation struct {
	ledger *Ledger
	key    string
	use    *use
}

// reserve begins a reservation of the thing. The lock must be held.
func (l *Ledger) reserve(key string, u *use) *Reservation {
	u.deleted = make(chan struct{})
	return &Reservation{l, key, u}
}

// What names the thing in messages.
func (r *Reservation) What() string {
	kind, name, _ := strings.Cut(r.key, "/")
	return Kind(kind).Word() + " " + name
}

// Busy has Enter return the error at once, because the deletion continues in the background.
func (r *Reservation) Busy(err error) {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	r.use.busy = err
}

// Release ends the reservation: requests may use the thing again.
func (r *Reservation) Release() {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	if r.ledger.uses[r.key] == r.use {
		close(r.use.deleted)
		delete(r.ledger.uses, r.key)
	}
}
