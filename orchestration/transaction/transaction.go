// Package transaction is the frame of a request that changes a service. It locks the service, does the work, rolls back if the work fails, and tells the
// ledger that the request no longer uses the shared things. It owns one rule: a lock is released whatever happens, and only when no part of the request is
// running any more.
package transaction

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"ecs-api/common"
	"ecs-api/orchestration/account"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/resource"
	"ecs-api/orchestration/saga"
)

// Manager begins the transactions of one account. Everything that changes services, clusters or roles of the account uses the same Manager.
type Manager struct {
	Account    *account.Account
	Background *operations.Group
	Ledger     resource.Ledger
	Deleted    DeletedServices
	locks      Locks
}

// New returns the manager of the account's transactions. Work that continues after a response runs in the group.
func New(a *account.Account, background *operations.Group) *Manager {
	return &Manager{Account: a, Background: background}
}

// ShareLocks shares the locks with other servers. It must be called before the first transaction.
func (m *Manager) ShareLocks(leases Leases) { m.locks.Share(leases, m.Account.Name) }

// Detached returns a context that lasts for d, even if the caller hangs up: half an orchestration helps nobody.
func Detached(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), d)
}

// Transaction is one request that has locked its service.
type Transaction struct {
	m       *Manager
	lock    *Lock
	request *resource.Request // nil for one that uses nothing shared
	Target  string            // names the service, or the managed task definition, in operations: cluster/service, cluster/taskdefs/family
	ended   bool
}

// ServiceTarget names a service in operations.
func ServiceTarget(cluster, service string) string { return cluster + "/" + service }

// TaskDefinitionTarget names a managed task definition in operations.
func TaskDefinitionTarget(cluster, family string) string { return cluster + "/taskdefs/" + family }

// nameOf returns how messages name a target.
func nameOf(target string) string {
	cluster, name, _ := strings.Cut(target, "/")
	if family, ok := strings.CutPrefix(name, "taskdefs/"); ok {
		return "task definition " + family + " in cluster " + cluster
	}
	return "service " + name + " in cluster " + cluster
}

// Begin locks the target for a request. The caller must defer End.
func (m *Manager) Begin(ctx context.Context, target string, request *resource.Request) (*Transaction, error) {
	lock, err := m.locks.Lock(ctx, target, nameOf(target), "")
	if holder(err) == "" { // a job may have the target that waits in the queue, or has not locked it yet
		if job := m.Background.Job(ctx, m.Account.Name, target); job != "" {
			lock.Release()
			return nil, Busy(nameOf(target), job)
		}
	}
	if err != nil {
		return nil, err
	}
	operations.OnAccepted(ctx, func(id string) { lock.Operation(ctx, id) }) // requests that find the lock taken name the operation
	return &Transaction{m: m, lock: lock, request: request, Target: target}, nil
}

// Repeats returns the operation because of which Begin returned err, if it is of one of the kinds and runs: the request that repeats what began it follows it too.
func (m *Manager) Repeats(ctx context.Context, err error, kinds ...string) (op operations.Operation, ok bool) {
	id := holder(err)
	if id == "" {
		return op, false
	}
	op, err = m.Background.Operation(ctx, m.Account.Name, id)
	return op, err == nil && slices.Contains(kinds, op.Kind) && !op.Ended()
}

// run does the work of a request that uses the shared things. A panic outside a step becomes the error, so that the request also rolls back what other failed
// requests have left to it.
func run[T any](ctx context.Context, request *resource.Request, shared []resource.Thing, work func(context.Context) (T, saga.Rollback, error)) (out T,
	rollback saga.Rollback, err error) {
	err = common.Safely(func() (err error) {
		if err := request.Use(ctx, shared...); err != nil {
			return err
		}
		out, rollback, err = work(ctx)
		return err
	})
	return out, rollback, err
}

// Apply does a whole request: it locks the target, enters the request as a user of the shared things, does the work, and rolls back what the work did if it
// fails. A caller who hangs up does not stop it. Errors name the verb and the target.
func Apply[T any](ctx context.Context, m *Manager, target, verb string, request *resource.Request, shared []resource.Thing,
	work func(context.Context) (T, saga.Rollback, error)) (T, error) {
	var none T
	tx, err := m.Begin(ctx, target, request)
	if err != nil {
		return none, err
	}
	defer tx.End()
	ctx, cancel := Detached(ctx, resource.RequestTime)
	defer cancel()
	out, rollback, err := run(ctx, request, shared, work)
	if err != nil {
		return none, tx.Fail(ctx, common.Wrapf(err, "%s %s", verb, nameOf(target)), rollback)
	}
	tx.Succeed()
	return out, nil
}

// End unlocks the service if the request was refused or has panicked. It does nothing after Succeed or Fail, or if an operation has taken over the lock.
func (t *Transaction) End() {
	if t.ended {
		return
	}
	t.ended = true
	_, reservations := t.leave(false)
	t.release(reservations)
}

// Succeed ends the request. What it needs stays. Other requests that failed meanwhile may have left their rollbacks to it: those of things that it does not
// need run in the background.
func (t *Transaction) Succeed() {
	t.ended = true
	shared, reservations := t.leave(true)
	t.release(nil)
	if shared == nil {
		return
	}
	releaseAll := func() {
		for _, reservation := range reservations {
			reservation.Release()
		}
	}
	_, err := t.m.Background.Start(context.Background(), operations.Operation{Kind: KindRollback, Target: t.Target, Account: t.m.Account.Name},
		resource.BackgroundRollbackTime,
		func(ctx context.Context) error { return retryRollback(ctx, t.m.Account.Backoff, shared) }, releaseAll)
	if err != nil { // the server is shutting down: the next request adopts what is left
		releaseAll()
	}
}

func (t *Transaction) leave(succeeded bool) (saga.Rollback, []*resource.Reservation) {
	if t.request == nil {
		return nil, nil
	}
	return t.request.Leave(succeeded)
}

func (t *Transaction) release(reservations []*resource.Reservation) {
	for _, reservation := range reservations {
		reservation.Release()
	}
	t.lock.Release()
}

// Job returns the job that continues the request after its response, and announces it: if this server ends before HandOver, another one does the job. It also
// returns the operation of a job that is working on the service already; nil if there is none.
func (t *Transaction) Job(ctx context.Context, kind string, limit time.Duration, args any) (operations.Job, *operations.Operation, error) {
	job, err := operations.NewJob(ctx, t.m.Account.Name, kind, t.Target, limit, args)
	if err != nil {
		return job, nil, err
	}
	return job, t.m.Background.Announce(ctx, job), nil
}

// HandOver continues the request as a job, which has the service until it has ended. The result is what the request returns; nil is what the job does. It
// fails when the server is shutting down.
func (t *Transaction) HandOver(ctx context.Context, job operations.Job, result any) (operations.Operation, error) {
	var encoded json.RawMessage
	if result != nil {
		var err error
		if encoded, err = json.Marshal(result); err != nil {
			return operations.Operation{}, common.Errorf(common.Internal, "encode the result: %w", err)
		}
	}
	t.lock.Operation(ctx, job.Operation)
	op, err := t.m.Background.Submit(ctx, job, encoded, t.lock.Release)
	if err != nil {
		t.lock.Operation(ctx, "")
		return op, err
	}
	t.ended = true
	return op, nil
}

// Handle registers what does the account's jobs of a kind. Each locks its target.
func (m *Manager) Handle(kind string, run func(context.Context, operations.Job) (json.RawMessage, error)) {
	m.Background.Handle(m.Account.Name, kind, operations.Handler{
		Run: run,
		Lock: func(ctx context.Context, job operations.Job) (func(), error) {
			lock, err := m.lockJob(ctx, job)
			if err != nil {
				return nil, err
			}
			return lock.Release, nil
		},
	})
}

// How often a job looks whether its request has released the lock, and the pause between the looks. After that it waits in the queue.
const (
	handOverLooks = 20
	handOverPause = 100 * time.Millisecond
)

// lockJob locks the target of a job. The request of the job releases the lock once the queue has the job, which may come faster.
func (m *Manager) lockJob(ctx context.Context, job operations.Job) (lock *Lock, err error) {
	for range handOverLooks {
		lock, err = m.locks.Lock(ctx, job.Target, nameOf(job.Target), job.Operation)
		if holder(err) != job.Operation || common.Sleep(ctx, handOverPause) != nil {
			break
		}
	}
	return lock, err
}

// RunUnlocked does a step that is no whole orchestration and locks no service; when it fails, what it did is rolled back before the error is
// returned. The request uses the things.
func (m *Manager) RunUnlocked(ctx context.Context, target string, request *resource.Request, s saga.Step, uses ...resource.Thing) error {
	t := &Transaction{m: m, request: request, Target: target}
	defer t.End()
	_, rollback, err := run(ctx, request, uses, func(ctx context.Context) (any, saga.Rollback, error) {
		rollback, err := s(ctx)
		return nil, rollback, err
	})
	if err != nil {
		return t.Fail(ctx, err, rollback)
	}
	t.Succeed()
	return nil
}
