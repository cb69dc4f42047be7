package resource

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
)

// Request is one request that creates, adopts and rolls back things.
type Request struct {
	Org, Cluster, Service string
	Owner                 string // the ownership tag of what it creates and adopts; see owner.go
	Key                   Key    // of its Idempotency-Key: a repetition of the request finds by it what this one creates
	Backoff               common.Backoff
	Ledger                *Ledger
	// HasServices: a service runs in the cluster, so nobody deletes what the cluster's services share.
	HasServices bool
	// ConcurrentCreator is set when the request finds out that another server is creating the same service.
	ConcurrentCreator atomic.Bool
	// Waited is set when the request had to wait for a service of the same name to drain: a teardown may have deleted what was found.
	Waited atomic.Bool

	began time.Time // before it looked

	mu        sync.Mutex
	shared    map[string]saga.Rollback // the shared things it uses, with the rollback of those it created
	notNeeded []string                 // those that it turns out not to need
}

// HasTagged reports whether tags contain the ownership tag of the request: this request created or adopted the thing, and no other request has adopted it
// since.
func (r *Request) HasTagged(tags common.Tags) bool { return hasOwner(tags, r.Owner) }

// ownerOf returns the ownership tag that the request puts on an item. That of a task definition also contains a digest of it.
func (r *Request) ownerOf(item *Item) string {
	if owner, ok := item.Tags.Get(common.TagRequest); ok {
		return owner
	}
	return r.Owner
}

// tagged is HasTagged for the tags of an item.
func (r *Request) tagged(item *Item, tags common.Tags) bool { return hasOwner(tags, r.ownerOf(item)) }

func hasOwner(tags common.Tags, owner string) bool {
	value, _ := tags.Get(common.TagRequest)
	return value == owner
}

// Use enters the request in the ledger as a user of shared things. Call it before look; Leave ends it.
func (r *Request) Use(ctx context.Context, things ...Thing) error {
	for _, t := range things {
		key := ledgerKey(t)
		if err := r.Ledger.Enter(ctx, key); err != nil {
			return common.Wrapf(err, "wait until %s %s is deleted", t.Kind().Word(), t.Name())
		}
		r.mu.Lock()
		if r.shared == nil {
			r.shared = map[string]saga.Rollback{}
		}
		r.shared[key] = nil
		r.mu.Unlock()
	}
	r.began = time.Now()
	return nil
}

// NotNeeded says that the request does not need some of the shared things: if it succeeds, these may still be rolled back.
func (r *Request) NotNeeded(things ...Thing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range things {
		r.notNeeded = append(r.notNeeded, ledgerKey(t))
	}
}

func ledgerKey(t Thing) string { return string(t.Kind()) + "/" + t.Name() }

// Leave ends the use of shared things. It returns the rollback of those things of which this request was the last user, if no request succeeded that needs them;
// and the reservations of these things, which the caller must release.
func (r *Request) Leave(succeeded bool) (saga.Rollback, []*Reservation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var rollbacks []saga.Rollback
	var reservations []*Reservation
	for key, created := range r.shared {
		rollback, reservation := r.Ledger.Leave(key, succeeded && !slices.Contains(r.notNeeded, key), created)
		if reservation != nil {
			rollbacks, reservations = append(rollbacks, rollback), append(reservations, reservation)
		}
	}
	r.shared = nil
	return saga.Concurrent(rollbacks...), reservations
}
