// Package orchestration creates, updates and tears down whole container services, which takes several AWS services in order. It knows no HTTP.
//
// Each request looks, decides and applies. Look reads into values that nobody writes afterwards; decide is a pure function to a plan; apply carries out
// exactly that plan, as steps with their rollbacks (package saga). Its rule is all or nothing: when a step fails, what the request created is rolled back
// before the error is returned. AWS is the database: whatever must survive a restart is in names and tags.
package orchestration

import (
	"context"
	"time"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
)

// Orchestrator creates, changes and tears down services in one account.
type Orchestrator struct {
	account    *account.Account
	background *operations.Group
	locks      resource.Locks
	ledger     *resource.Ledger
	batch      batch
}

// New returns an orchestrator for the account. What it does after its response is done in the group. The ledger is shared with all that create or delete
// clusters and roles in the account.
func New(a *account.Account, background *operations.Group, ledger *resource.Ledger) *Orchestrator {
	return &Orchestrator{account: a, background: background, ledger: ledger}
}

// Time that an orchestration may take, what AWS refuses for now included. A service of the same name may take four minutes to drain.
const (
	createTime = 6 * time.Minute
	updateTime = 6 * time.Minute
	deleteTime = 2 * time.Minute
)

// detached returns a context that lives for d whether or not the caller hangs up: half an orchestration helps nobody.
func detached(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), d)
}

// work is one request that has locked its service.
type work struct {
	o       *Orchestrator
	lock    *resource.Lock
	request *resource.Request // nil for one that uses nothing shared
	target  string            // names the service in operations
	ended   bool
}

// begin locks the service for a request. End must be deferred: it unlocks the service whatever happens, unless an operation has the lock by then.
func (o *Orchestrator) begin(cluster, service string, request *resource.Request) (*work, error) {
	lock, err := o.locks.Lock(cluster, service)
	if err != nil {
		return nil, err
	}
	return &work{o: o, lock: lock, request: request, target: cluster + "/" + service}, nil
}

// end unlocks the service of a request that has neither succeeded nor failed in an orderly way: it was refused, or panicked.
func (w *work) end() {
	if w.ended {
		return
	}
	w.ended = true
	w.release(w.leave(false))
}

// succeed ends the request: what it used stays.
func (w *work) succeed() {
	w.ended = true
	w.leave(true)
	w.lock.Release()
}

func (w *work) leave(succeeded bool) (saga.Rollback, []*resource.Hold) {
	if w.request == nil {
		return nil, nil
	}
	return w.request.Leave(succeeded)
}

func (w *work) release(_ saga.Rollback, holds []*resource.Hold) {
	for _, hold := range holds {
		hold.Release()
	}
	w.lock.Release()
}

// alone does a step that is no whole orchestration; when it fails, what it did is rolled back before the error is returned. The request uses the things.
func (o *Orchestrator) alone(ctx context.Context, target string, request *resource.Request, s saga.Step, uses ...resource.Thing) error {
	w := &work{o: o, request: request, target: target}
	defer w.end()
	if err := request.Use(ctx, uses...); err != nil {
		return err
	}
	back, err := s(ctx)
	if err != nil {
		return w.fail(ctx, err, back)
	}
	w.succeed()
	return nil
}

const (
	// rollbackTime is how long a rollback may take before the error is returned.
	rollbackTime = 2 * time.Minute
	// backgroundRollbackTime is how long it goes on in the background, where AWS does not let us for the moment.
	backgroundRollbackTime = 30 * time.Minute
)

// The kinds of operations, and what the step is called that rolls back before the error is returned.
const (
	KindDelete   = "delete service"
	KindRollback = "continue rollback"
	stepRollback = "roll back"
)

// fail ends a request that failed with err: it rolls back what the steps did, then the shared things that nobody uses, and returns err with what could not
// be rolled back. Where AWS is only too busy or too broken, the rollback goes on in the background, and keeps the locks until it is done.
func (w *work) fail(ctx context.Context, err error, back saga.Rollback) error {
	w.ended = true
	shared, holds := w.leave(false)
	release := func() { w.release(nil, holds) }
	all := saga.Reverse(shared, back)
	if all == nil {
		release()
		return err
	}
	ctx, cancel := detached(ctx, rollbackTime)
	defer cancel()
	_, left := saga.Named(stepRollback, saga.Do(all))(ctx)
	if left == nil {
		release()
		return err
	}
	leftovers := texts(left)
	if common.Transient(left) {
		op, startErr := w.o.background.Start(ctx, operations.Operation{Kind: KindRollback, Target: w.target, Account: w.o.account.Name}, backgroundRollbackTime,
			func(ctx context.Context) error { return w.o.insist(ctx, all) }, release)
		if startErr == nil {
			w.lock.Operation(op.ID)
			for _, hold := range holds {
				hold.Busy(resource.Busy(hold.What(), op.ID))
			}
			return common.WithLeft(err, append(leftovers, "all this is rolled back in the background as soon as AWS allows, as operation "+op.ID)...)
		}
	}
	release()
	return common.WithLeft(err, leftovers...)
}

// insist retries until what it is given succeeds, and returns its last error if ctx ends before.
func (o *Orchestrator) insist(ctx context.Context, do func(context.Context) error) error {
	var last error
	err := o.account.Pace.Until(ctx, func() (bool, error) {
		last = do(ctx)
		return last == nil, nil
	})
	if err != nil {
		return last
	}
	return nil
}

// texts returns what each of the errors that are joined in err says to callers.
func texts(err error) []string {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []string
		for _, one := range many.Unwrap() {
			all = append(all, texts(one)...)
		}
		return all
	}
	return []string{common.Public(err)}
}
