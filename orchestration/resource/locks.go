package resource

import (
	"sync"

	"ecs-api/common"
)

// Locks let one request of this server work on a service, or a managed task definition, at a time: a second one gets a Conflict at once, and not after both have done half of it.
// Requests on other servers are kept apart by AWS and the ownership tag. The zero value is ready.
type Locks struct {
	mu   sync.Mutex
	held map[string]*Lock
}

// Lock is a service that a request, or the operation it began, works on.
type Lock struct {
	locks     *Locks
	key       string
	operation string // its id; empty while the request itself is at work
}

// Lock locks the service for a request. It is a Conflict, ServiceBusy, if another one has it.
func (l *Locks) Lock(cluster, service string) (*Lock, error) {
	return l.LockAs(cluster+"/"+service, "service "+service+" in cluster "+cluster)
}

// LockAs locks what has the key, as Lock does; what names it in messages.
func (l *Locks) LockAs(key, what string) (*Lock, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if holder := l.held[key]; holder != nil {
		return nil, Busy(what, holder.operation)
	}
	if l.held == nil {
		l.held = map[string]*Lock{}
	}
	lock := &Lock{locks: l, key: key}
	l.held[key] = lock
	return lock, nil
}

// Operation says which operation holds the lock from now on. A nil Lock locks nothing.
func (l *Lock) Operation(id string) {
	if l == nil {
		return
	}
	l.locks.mu.Lock()
	defer l.locks.mu.Unlock()
	l.operation = id
}

// Release unlocks the service. A nil Lock locks nothing.
func (l *Lock) Release() {
	if l == nil {
		return
	}
	l.locks.mu.Lock()
	defer l.locks.mu.Unlock()
	if l.locks.held[l.key] == l { // another request may have it by now
		delete(l.locks.held, l.key)
	}
}

// Busy is the Conflict for what another request, or an operation of one, works on.
func Busy(what, operation string) error {
	if operation != "" {
		return common.Coded(common.CodeServiceBusy, "operation %s is working on %s; follow it at operations/%s, and repeat the request when it has ended", operation, what, operation)
	}
	return common.Coded(common.CodeServiceBusy, "another request is working on %s; repeat the request when it is done", what)
}
