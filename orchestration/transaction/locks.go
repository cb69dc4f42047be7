package transaction

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ecs-api/common"
)

// Leases lock targets for all servers. Package leases implements them with Redis.
type Leases interface {
	// Acquire locks the target in the account until the lease is released, or its server dies. This server must have it no more: a lease that it could not release
	// yet is replaced. Operation is the one that locks it; empty for a request. The error is a *LockedElsewhere if another server has it.
	Acquire(ctx context.Context, account, target, operation string) (Lease, error)
}

// Lease is a lock that all servers see.
type Lease interface {
	// Operation says which operation holds the lock from now on.
	Operation(ctx context.Context, id string)
	// Release ends it.
	Release()
}

// LockedElsewhere is the error for a target that another server has locked.
type LockedElsewhere struct {
	Operation string // that holds the lock; empty if a request holds it
}

// Error says which operation holds the lock.
func (e *LockedElsewhere) Error() string { return "locked by another server, operation " + e.Operation }

// Locks let only one request at a time work on a service or a managed task definition. A second request is a Conflict at once, not after both have done half of
// their work. The locks are those of this server, or with Share those of all servers. Requests on servers that share nothing are kept apart by AWS and by the
// ownership tag. The zero value is ready.
type Locks struct {
	leases  Leases // nil: this server's own
	account string

	mu   sync.Mutex
	held map[string]*Lock
}

// Share shares the locks with other servers, which know the account by the same name. It must be called before the first lock.
func (l *Locks) Share(leases Leases, account string) { l.leases, l.account = leases, account }

// Lock is the lock of a target, held by a request or by the operation that it began.
type Lock struct {
	locks     *Locks
	key       string
	lease     Lease  // nil while only this server knows the lock
	operation string // that holds the lock; empty while the request itself does
}

// Lock locks the target, such as myclu/www, for an operation, or for a request if operation is empty. If another one holds the lock, it is a Conflict,
// ServiceBusy. Messages name the target by what.
func (l *Locks) Lock(ctx context.Context, target, what, operation string) (*Lock, error) {
	lock, err := l.lockLocally(target, what, operation)
	if err != nil || l.leases == nil {
		return lock, err
	}
	lease, err := l.leases.Acquire(ctx, l.account, target, operation)
	if err != nil {
		lock.Release()
		if held, ok := errors.AsType[*LockedElsewhere](err); ok {
			return nil, Busy(what, held.Operation)
		}
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	lock.lease = lease
	return lock, nil
}

// lockLocally locks the target on this server.
func (l *Locks) lockLocally(target, what, operation string) (*Lock, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if holder := l.held[target]; holder != nil {
		return nil, Busy(what, holder.operation)
	}
	if l.held == nil {
		l.held = map[string]*Lock{}
	}
	lock := &Lock{locks: l, key: target, operation: operation}
	l.held[target] = lock
	return lock, nil
}

// Operation says which operation holds the lock from now on. A nil Lock locks nothing.
func (l *Lock) Operation(ctx context.Context, id string) {
	if l == nil {
		return
	}
	l.locks.mu.Lock()
	l.operation = id
	lease := l.lease
	l.locks.mu.Unlock()
	if lease != nil {
		lease.Operation(ctx, id)
	}
}

// Release unlocks the target: first for other servers, so that no request here takes what is still locked there. A nil Lock locks nothing.
func (l *Lock) Release() {
	if l == nil {
		return
	}
	l.locks.mu.Lock()
	lease := l.lease
	l.lease = nil
	l.locks.mu.Unlock()
	if lease != nil {
		lease.Release()
	}
	l.locks.mu.Lock()
	defer l.locks.mu.Unlock()
	if l.locks.held[l.key] == l { // another request may have it by now
		delete(l.locks.held, l.key)
	}
}

// requestAfter is when a retry makes sense if a request holds the lock, not an operation: most requests take less than a second.
const requestAfter = time.Second

// heldError says what an operation is working on.
type heldError struct{ what, operation string }

// Error says which operation it is, and where to follow it.
func (e *heldError) Error() string {
	return fmt.Sprintf("operation %s is working on %s; follow it at operations/%s, and repeat the request when it has ended", e.operation, e.what, e.operation)
}

// Busy is the Conflict for what another request or operation is working on.
func Busy(what, operation string) error {
	if operation != "" {
		return common.Coded(common.CodeServiceBusy, "%w", &heldError{what, operation})
	}
	return common.RetryIn(requestAfter, common.Coded(common.CodeServiceBusy, "another request is working on %s; repeat the request when it is done", what))
}

// holder returns the operation that an error of Busy names; empty for other errors, and for nil.
func holder(err error) string {
	if held, ok := errors.AsType[*heldError](err); ok {
		return held.operation
	}
	return ""
}
