// Package operations runs what goes on after the response to a request, such as a teardown or a rollback that AWS does not allow yet, and tells how far
// it is. It owns one rule: no work without an owner, a deadline and an end that shutdown waits for.
package operations

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
)

// Operation is a piece of work that goes on after the response to its request.
type Operation struct {
	ID        string            `json:"id"`
	Kind      string            `json:"kind"`   // such as "delete service"
	Target    string            `json:"target"` // such as "myclu/www"
	State     saga.State        `json:"state"`
	StartedAt time.Time         `json:"startedAt"`
	EndedAt   *time.Time        `json:"endedAt"`
	Steps     []saga.StepReport `json:"steps"`
	Result    json.RawMessage   `json:"result"` // what the request would have returned, once it has succeeded
	Error     string            `json:"error,omitempty"`

	Account   string `json:"-"` // the account it works in
	Err       error  `json:"-"` // why it failed, in full: for the log
	TraceID   string `json:"-"` // of the request that began it; empty if traces are off
	RequestID string `json:"-"` // of the request that began it
}

// How many ended operations are kept in memory, and for how long.
const (
	keepOperations = 1000
	keepFor        = 24 * time.Hour
)

// Group is the owner of all work that goes on after the response to a request: each piece has a deadline, and shutdown waits for all.
type Group struct {
	observe func(Operation)
	cancel  context.CancelFunc
	ctx     context.Context
	closing chan struct{} // closed when Shutdown begins

	mu      sync.Mutex
	running sync.WaitGroup
	closed  bool
	all     []*operation // oldest first

	waits     context.Context // ends when nobody is to wait for operations any more
	stopWaits context.CancelFunc
}

// operation is an Operation on its way.
type operation struct {
	report   Operation // without its steps; guarded by the group's lock
	progress *saga.Progress
}

// NewGroup returns a group that tells observe of every operation that has begun or ended. Nil is fine.
func NewGroup(observe func(Operation)) *Group {
	if observe == nil {
		observe = func(Operation) {}
	}
	ctx, cancel := context.WithCancel(context.Background()) // ended by Shutdown
	waits, stopWaits := context.WithCancel(ctx)             // ended by Stop
	return &Group{observe: observe, ctx: ctx, cancel: cancel, closing: make(chan struct{}), waits: waits, stopWaits: stopWaits}
}

// Start begins a piece of work, which has until deadline; o.Result is shown when it has succeeded. Done is called when the work has ended, before the operation reads so: what it held is free by then. It fails when the group is shutting down.
func (g *Group) Start(ctx context.Context, o Operation, deadline time.Duration, work func(context.Context) error, done func()) (Operation, error) {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return Operation{}, common.Errorf(common.Unavailable, "the server is shutting down; repeat the request")
	}
	result := o.Result
	op := newOperation(ctx, &o)
	g.all = append(g.all, op)
	g.forget()
	g.running.Add(1)
	g.mu.Unlock()
	g.observe(o)

	ctx, cancel := g.within(ctx, deadline)
	go func() {
		defer g.running.Done()
		defer cancel()
		ctx, ended := saga.Traced(ctx, o.Kind, attribute.String("ecs_api.operation", o.ID)) // below the request's span, which has ended
		err := common.Safely(func() error { return work(common.Background(saga.WithProgress(ctx, op.progress))) })
		ended(err)
		done()
		g.end(op, result, g.interrupted(err))
	}()
	return o, nil
}

// newOperation gives o what every operation begins with.
func newOperation(ctx context.Context, o *Operation) *operation {
	o.ID, o.State, o.StartedAt, o.TraceID, o.RequestID = uuid.NewString(), saga.Running, time.Now().UTC(), saga.TraceID(ctx), requestID(ctx)
	o.Result, o.Steps = nil, []saga.StepReport{}
	return &operation{report: *o, progress: &saga.Progress{}}
}

// within returns the context of work that has until deadline, and that a shutdown ends at last.
func (g *Group) within(ctx context.Context, deadline time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadline)
	stop := context.AfterFunc(g.ctx, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// interrupted returns the error of work, which says so if a shutdown is why it failed.
func (g *Group) interrupted(err error) error {
	if err != nil && g.ctx.Err() != nil {
		return common.Errorf(common.Unavailable, "the server was shut down meanwhile; repeat the request to go on: %w", err)
	}
	return err
}

type requestIDKey struct{}

// WithRequestID returns a context of the request of that id: operations that it begins carry it.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// end tells the observer how an operation ended, and only then whoever asks.
func (g *Group) end(op *operation, result json.RawMessage, err error) {
	g.mu.Lock()
	ended := op.view()
	g.mu.Unlock()
	now := time.Now().UTC()
	ended.EndedAt, ended.State, ended.Result = &now, saga.Succeeded, result
	if err != nil {
		ended.State, ended.Result, ended.Error, ended.Err = saga.Failed, nil, common.Public(err), err
	}
	g.observe(ended)
	g.mu.Lock()
	op.report, op.report.Steps = ended, nil
	g.mu.Unlock()
	op.progress.Notify()
}

// view returns the operation as it is now. The group's lock must be held.
func (op *operation) view() Operation {
	o := op.report
	o.Steps = op.progress.Steps()
	return o
}

// forget drops what ended too long ago, and the oldest of too many. The lock must be held.
func (g *Group) forget() {
	excess := len(g.all) - keepOperations
	g.all = slices.DeleteFunc(g.all, func(op *operation) bool {
		ended := op.report.EndedAt
		if ended == nil || excess <= 0 && time.Since(*ended) < keepFor {
			return false
		}
		excess--
		return true
	})
}

// Operations returns the account's operations, the latest first.
func (g *Group) Operations(account string) []Operation {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget()
	found := []Operation{}
	for _, op := range slices.Backward(g.all) {
		if op.report.Account == account {
			found = append(found, op.view())
		}
	}
	return found
}

// Operation returns one of the account's operations.
func (g *Group) Operation(account, id string) (Operation, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget()
	op := g.find(account, id)
	if op != nil {
		return op.view(), nil
	}
	return Operation{}, notKept(id)
}

// find returns the account's operation of that id; nil if there is none. The lock must be held.
func (g *Group) find(account, id string) *operation {
	for _, op := range g.all {
		if op.report.Account == account && op.report.ID == id {
			return op
		}
	}
	return nil
}

func notKept(id string) error {
	return common.Errorf(common.NotFound, "there is no operation %s: they are kept for 24 hours by the server that runs them, and end with it; what they were doing goes on when it is asked for again", id)
}

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
		for _, op := range g.all {
			if op.report.EndedAt == nil {
				cancelled++
			}
		}
		g.mu.Unlock()
	}
	g.cancel()
	<-idle
	return cancelled
}

// Closing is closed when Shutdown begins: work that only watches what goes on without it ends then, so that nobody waits for it.
func (g *Group) Closing() <-chan struct{} { return g.closing }

// Wait waits until no work is running.
func (g *Group) Wait() { g.running.Wait() }
