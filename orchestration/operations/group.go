// Package operations runs background work, which continues after the response to a request, such as a teardown or a rollback that AWS does not allow
// yet, and tells how far it is. It owns one rule: no work without an owner, a deadline and an end that shutdown waits for.
package operations

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
	"ecs-api/state"
)

// Options is what a Group is made of.
type Options struct {
	// Observe gets every operation that this server begins to work on, that has ended here, and that it leaves to other servers: that one is Queued and
	// has no Server. Nil is fine.
	Observe func(Operation)
	// Record keeps the operations; nil is one in memory.
	Record Record
	// Queue gets the jobs; nil has this server run them.
	Queue Queue
	// Server is the id of this server among those that share the record.
	Server string
}

// Group is the owner of all work that continues after the response to a request: each piece has a deadline, and shutdown waits for all.
type Group struct {
	observe func(Operation)
	record  Record
	queue   Queue
	server  string
	cancel  context.CancelCauseFunc
	ctx     context.Context
	closing chan struct{} // closed when Shutdown begins

	mu        sync.Mutex
	running   sync.WaitGroup
	closed    bool
	live      map[string]*operation // what this server works on, by id
	handlers  map[string]Handler    // by account and kind
	submitted map[string]Job        // what this server has submitted and has not seen end, by operation
	withdrawn map[string]Job        // what it has withdrawn and the queue does not know of, by operation

	waits     context.Context // ends when nobody is to wait for operations any more
	stopWaits context.CancelFunc
}

// NewGroup returns a group.
func NewGroup(o Options) *Group {
	if o.Observe == nil {
		o.Observe = func(Operation) {}
	}
	if o.Record == nil {
		o.Record = NewMemory()
	}
	ctx, cancel := context.WithCancelCause(context.Background()) // ended by Shutdown
	waits, stopWaits := context.WithCancel(ctx)                  // ended by Stop
	return &Group{
		observe: o.Observe, record: o.Record, queue: o.Queue, server: o.Server, ctx: ctx, cancel: cancel, closing: make(chan struct{}), waits: waits, stopWaits: stopWaits,
		live: map[string]*operation{}, handlers: map[string]Handler{}, submitted: map[string]Job{}, withdrawn: map[string]Job{},
	}
}

// Start begins a piece of work that cannot be described as a job, and has until deadline. Done is called when the work has ended, before the operation reads
// so: what it held is free by then. It fails when the group is shutting down.
func (g *Group) Start(ctx context.Context, o Operation, deadline time.Duration, work func(context.Context) error, done func()) (Operation, error) {
	if err := g.enter(); err != nil {
		return Operation{}, err
	}
	op := g.newOperation(ctx, &o)
	started := g.begin(ctx, op)
	g.run(ctx, op, deadline, func(ctx context.Context) (json.RawMessage, error) { return nil, work(common.Background(ctx)) },
		func(result json.RawMessage, err error) {
			done()
			g.end(op, result, err)
		})
	return started, nil
}

// enter counts a piece of work, which calls running.Done at its end.
func (g *Group) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return common.Errorf(common.Unavailable, "the server is shutting down; repeat the request")
	}
	g.running.Add(1)
	return nil
}

// begin makes an operation known.
func (g *Group) begin(ctx context.Context, op *operation) Operation {
	g.mu.Lock()
	g.live[op.report.ID] = op
	o := op.view()
	g.mu.Unlock()
	g.observe(o)
	_ = g.record.Save(context.WithoutCancel(ctx), o) // else with the next beat
	op.stop = g.publish(op)
	return o
}

// publish saves the progress of an operation, where the record wants that, until the function it returns is called.
func (g *Group) publish(op *operation) (stop func()) {
	interval := g.record.Interval()
	if interval == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { // ends when it is stopped, at the latest when the work does
		defer close(done)
		for {
			changed := op.progress.Changed() // before it is looked at: no change is missed
			g.save(ctx, op)
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
			select {
			case <-time.After(interval): // steps that begin and end at once are saved together
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// run does work that has until deadline in the background, and then calls ended.
func (g *Group) run(ctx context.Context, op *operation, deadline time.Duration, work func(context.Context) (json.RawMessage, error),
	ended func(json.RawMessage, error)) {
	ctx, cancel := g.within(ctx, deadline)
	kind, id := op.report.Kind, op.report.ID
	go func() { // ends with its deadline or the group
		defer g.running.Done()
		defer cancel()
		ctx, endSpan := saga.Traced(ctx, kind, attribute.String("ecs_api.operation", id)) // below the request's span, which has ended
		var result json.RawMessage
		err := common.Safely(func() (err error) {
			result, err = work(saga.WithProgress(ctx, op.progress))
			return err
		})
		endSpan(err)
		ended(result, g.interrupted(err))
	}()
}

// within returns the context of work that has until deadline, and that a shutdown ends at last.
func (g *Group) within(ctx context.Context, deadline time.Duration) (context.Context, context.CancelFunc) {
	ctx, interrupt := context.WithCancelCause(state.WithoutBudget(context.WithoutCancel(ctx)))
	ctx, cancel := context.WithTimeout(ctx, deadline)
	stop := context.AfterFunc(g.ctx, func() { interrupt(saga.ErrInterrupted) })
	return ctx, func() {
		stop()
		cancel()
		interrupt(nil)
	}
}

// interrupted returns the error of work, which says so if a shutdown is why it failed.
func (g *Group) interrupted(err error) error {
	if err != nil && g.ctx.Err() != nil {
		return common.Errorf(common.Unavailable, "the server was shut down meanwhile; repeat the request to complete it: %w", err)
	}
	return err
}

// end tells the observer how an operation ended, and only then whoever looks.
func (g *Group) end(op *operation, result json.RawMessage, err error) {
	op.stop()
	g.mu.Lock()
	ended := op.view().end(result, err)
	g.mu.Unlock()
	if err != nil && g.ctx.Err() != nil {
		ended.State = saga.Interrupted
	}
	ended.Pending = nil
	g.observe(ended)
	g.leave(op, ended)
}

// save saves an operation as it is now, if this server still works on it.
func (g *Group) save(ctx context.Context, op *operation) {
	op.saving.Lock()
	defer op.saving.Unlock()
	if op.left {
		return
	}
	g.mu.Lock()
	o := op.view()
	g.mu.Unlock()
	_ = g.record.Save(ctx, o) // else the next time
}

// SaveAll saves what this server works on.
func (g *Group) SaveAll(ctx context.Context) {
	g.mu.Lock()
	all := slices.Collect(maps.Values(g.live))
	g.mu.Unlock()
	state.Each(all, func(op *operation) { g.save(ctx, op) })
}

// leave saves how an operation is that this server works on no more.
func (g *Group) leave(op *operation, o Operation) {
	op.saving.Lock()
	op.left = true
	_ = g.record.Save(context.Background(), o) // else with the next beat
	op.saving.Unlock()
	g.mu.Lock()
	delete(g.live, o.ID)
	g.mu.Unlock()
	op.progress.Notify()
}

// Operations returns the account's operations, the latest first.
func (g *Group) Operations(ctx context.Context, account string) []Operation {
	found := g.record.List(ctx, account)
	g.mu.Lock()
	known := map[string]bool{}
	for i, o := range found {
		known[o.ID] = true
		if op := g.live[o.ID]; op != nil {
			found[i] = op.view()
		}
	}
	for id, op := range g.live {
		if op.report.Account == account && !known[id] {
			found = append(found, op.view())
		}
	}
	g.mu.Unlock()
	slices.SortStableFunc(found, func(a, b Operation) int { return b.StartedAt.Compare(a.StartedAt) })
	return found
}

// Operation returns one of the account's operations.
func (g *Group) Operation(ctx context.Context, account, id string) (Operation, error) {
	g.mu.Lock()
	if op := g.live[id]; op != nil && op.report.Account == account {
		defer g.mu.Unlock()
		return op.view(), nil
	}
	g.mu.Unlock()
	return g.record.Find(ctx, account, id)
}

// FindAll returns those of the ids that are operations of one of the accounts, by their ids.
func (g *Group) FindAll(ctx context.Context, accounts, ids []string) map[string]Operation {
	found := map[string]Operation{}
	for _, o := range g.record.FindAll(ctx, accounts, ids) {
		found[o.ID] = o
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, id := range ids {
		if op := g.live[id]; op != nil && slices.Contains(accounts, op.report.Account) {
			found[id] = op.view()
		}
	}
	return found
}

// Working reports whether this server works on an operation of that kind on the target.
func (g *Group) Working(account, kind, target string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, op := range g.live {
		if r := op.report; r.Account == account && r.Kind == kind && r.Target == target {
			return true
		}
	}
	return false
}

// withdrawTime is how long a shutdown may take to withdraw what was refused while the queue was out of reach.
const withdrawTime = 2 * time.Second

// Shutdown takes no more work, and waits for what is running until ctx ends; it then cancels it, and waits for it to end. It returns how
// many were cancelled.
func (g *Group) Shutdown(ctx context.Context) (cancelled int) {
	g.mu.Lock()
	if !g.closed {
		close(g.closing)
	}
	g.closed = true
	g.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		g.running.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-ctx.Done():
		g.mu.Lock()
		cancelled = len(g.live)
		g.mu.Unlock()
	}
	g.cancel(saga.ErrInterrupted)
	<-idle
	last, stop := context.WithTimeout(context.Background(), withdrawTime)
	defer stop()
	g.withdrawAll(last) // else they would be done
	return cancelled
}

// Closing is closed when Shutdown begins: work that only watches what runs without it ends then, so that nobody waits for it.
func (g *Group) Closing() <-chan struct{} { return g.closing }

// Wait waits until no work is running.
func (g *Group) Wait() { g.running.Wait() }
