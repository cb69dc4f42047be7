package operations

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
	"ecs-api/state"
)

// Job is work that is described without secrets, so that it can wait in a queue, and another server can continue it.
type Job struct {
	Kind      string          `json:"kind"`
	Account   string          `json:"account"`
	Target    string          `json:"target"`    // what it works on: there is one job per target at a time
	Operation string          `json:"operation"` // the id of its operation
	Began     time.Time       `json:"began"`
	Limit     time.Duration   `json:"limit"` // how long one run of it may take; it is retried no longer than that after it began
	RequestID string          `json:"requestId,omitempty"`
	Caller    string          `json:"caller,omitempty"`
	TraceID   string          `json:"traceId,omitempty"`
	Args      json.RawMessage `json:"args"` // for the handler of its kind
}

// Handler does the jobs of one kind. A job may be run again after it has been interrupted at any point, and a second server may run it while a first one that
// lost its connection still does.
type Handler struct {
	// Run does a job and returns its result, which is shown unless the request has given one.
	Run func(ctx context.Context, job Job) (json.RawMessage, error)
	// Lock locks what the job works on. It is a Conflict while a request has it.
	Lock func(ctx context.Context, job Job) (release func(), err error)
}

// Queue takes jobs, and gives each to one of the servers that share it, until one has done it.
type Queue interface {
	// Announce says that a request is about to begin the job: when its server ends before it is submitted, another server does it. It returns the job that
	// the queue has for the target already, if there is one.
	Announce(ctx context.Context, job Job) (existing *Job, err error)
	// Submit has a server do the job, announced or not.
	Submit(ctx context.Context, job Job) error
	// Withdraw ends what Announce began: the request was refused. Nil means that the job will not be done because of Announce.
	Withdraw(ctx context.Context, job Job) error
}

// Later is the error of a job that is to be done later, or by another server.
type Later struct {
	After  time.Duration // 0: at once, unless it failed
	Failed bool          // it was tried and failed: the more often, the longer the wait
	Err    error
}

// Error says why.
func (e *Later) Error() string { return fmt.Sprintf("later: %v", e.Err) }

// Unwrap returns why.
func (e *Later) Unwrap() error { return e.Err }

// How long a job waits that another server works on, and one that a request keeps from its target.
const (
	waitForServer = 15 * time.Second
	waitForLock   = 3 * time.Second
)

// Handle registers what does the account's jobs of a kind. It must be called before there are any.
func (g *Group) Handle(account, kind string, h Handler) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.handlers[account+"\x00"+kind] = h
}

func (g *Group) handler(job Job) (Handler, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	h, ok := g.handlers[job.Account+"\x00"+job.Kind]
	return h, ok
}

// NewJob returns a job of the request of ctx. Args must not hold secrets.
func NewJob(ctx context.Context, account, kind, target string, limit time.Duration, args any) (Job, error) {
	encoded, err := json.Marshal(args)
	if err != nil {
		return Job{}, common.Errorf(common.Internal, "encode the job: %w", err)
	}
	request := requestOf(ctx)
	return Job{
		Kind: kind, Account: account, Target: target, Operation: uuid.NewString(), Began: time.Now().UTC(), Limit: limit,
		RequestID: request.ID, Caller: request.Caller, TraceID: saga.TraceID(ctx), Args: encoded,
	}, nil
}

// operation returns the job's operation as it begins.
func (job Job) operation() Operation {
	return Operation{
		ID: job.Operation, Kind: job.Kind, Target: job.Target, State: saga.Running, StartedAt: job.Began, Steps: []saga.StepReport{},
		Account: job.Account, TraceID: job.TraceID, RequestID: job.RequestID, Caller: job.Caller, Queued: true,
	}
}

// Announce says that the request is about to begin the job: should this server end before it is submitted, another one does it. It returns the operation of a
// job that has the target already; nil if there is none. Where there is no queue, or it is out of reach, it does nothing.
func (g *Group) Announce(ctx context.Context, job Job) *Operation {
	if g.queue == nil {
		return nil
	}
	existing, err := g.queue.Announce(ctx, job)
	if err != nil || existing == nil {
		return nil
	}
	o, err := g.Operation(state.WithoutBudget(ctx), existing.Account, existing.Operation)
	switch {
	case err != nil: // the queue has the job, whatever the record can say
		o = existing.operation()
	case o.Ended():
		return nil
	}
	return &o
}

// Withdraw ends what Announce began: the request was refused. While the queue is out of reach, the job is withdrawn later: it would else be done.
func (g *Group) Withdraw(ctx context.Context, job Job) {
	if g.queue != nil && g.queue.Withdraw(context.WithoutCancel(ctx), job) != nil {
		g.mu.Lock()
		g.withdrawn[job.Operation] = job
		g.mu.Unlock()
	}
}

// Submit has the job done, by a server of the queue if there is one, else here. The result is what the request returns, and is shown when the job has
// succeeded. The caller has locked what the job works on, and the lock names the job's operation. Release unlocks it: it is called when the job has ended, before
// its operation reads so; or when the queue has the job, and Job keeps others from its target. It fails when the group is shutting down.
func (g *Group) Submit(ctx context.Context, job Job, result json.RawMessage, release func()) (Operation, error) {
	if err := g.enter(); err != nil {
		return Operation{}, err
	}
	o := job.operation()
	o.Pending = result
	h, ok := g.handler(job)
	if !ok {
		g.running.Done()
		return Operation{}, common.Errorf(common.Internal, "nothing does jobs of kind %q in account %s", job.Kind, job.Account)
	}
	if g.queue != nil {
		g.mu.Lock()
		g.submitted[job.Operation] = job // also if the queue does not take it now
		g.mu.Unlock()
		// Without its operation, nothing would keep others from the target while the job waits.
		if g.record.Save(state.WithoutBudget(ctx), o) == nil && g.queue.Submit(ctx, job) == nil {
			g.running.Done()
			release()
			return o, nil
		}
	}
	o.Server = g.server
	op := &operation{report: o, progress: &saga.Progress{}}
	started := g.begin(ctx, op)
	g.run(ctx, op, job.Limit, h.work(job), func(result json.RawMessage, err error) {
		release()
		left := g.retry(job, err) != nil && g.queue != nil
		if left && g.queue.Submit(context.Background(), job) != nil { // it may take the job by now
			left = g.ctx.Err() != nil // the queue may have it all the same: if not, other servers end the operation
		}
		g.finish(op, result, err, left)
	})
	return started, nil
}

// finish ends the operation of a job that ended with a result or err, or leaves it to whichever server gets the job next.
func (g *Group) finish(op *operation, result json.RawMessage, err error, left bool) {
	if left {
		g.handBack(op)
		return
	}
	g.end(op, orElse(op.report.Pending, result), err)
}

// Resubmit tells the queue what it may have missed, or lost in a Redis that was restarted empty: the jobs that this server has submitted and that have not ended,
// and those that it has withdrawn. The queue takes none twice.
func (g *Group) Resubmit(ctx context.Context) {
	g.mu.Lock()
	submitted := slices.Collect(maps.Values(g.submitted))
	g.mu.Unlock()
	state.Each(submitted, func(job Job) {
		o, err := g.record.Find(ctx, job.Account, job.Operation)
		if err == nil && !o.Ended() && time.Since(job.Began) < KeepFor {
			_ = g.queue.Submit(ctx, job) // else the next time
			return
		}
		if err == nil || common.Is(err, common.NotFound) {
			g.forget(g.submitted, job)
		}
	})
	g.withdrawAll(ctx)
}

// withdrawAll tells the queue of the jobs that this server has withdrawn and the queue does not know of.
func (g *Group) withdrawAll(ctx context.Context) {
	g.mu.Lock()
	withdrawn := slices.Collect(maps.Values(g.withdrawn))
	g.mu.Unlock()
	state.Each(withdrawn, func(job Job) {
		if ctx.Err() == nil && g.queue.Withdraw(ctx, job) == nil {
			g.forget(g.withdrawn, job)
		}
	})
}

// forget removes a job from those that this server has submitted or withdrawn.
func (g *Group) forget(from map[string]Job, job Job) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(from, job.Operation)
}

// work returns the work of a job.
func (h Handler) work(job Job) func(context.Context) (json.RawMessage, error) {
	return func(ctx context.Context) (json.RawMessage, error) { return h.Run(common.Background(ctx), job) }
}

// orElse returns the first result, or else the second one.
func orElse(first, second json.RawMessage) json.RawMessage {
	if len(first) > 0 {
		return first
	}
	return second
}

// Job returns the id of the operation whose job works on the target, or waits in the queue for it; empty if there is none. Without a queue it is empty: the lock names
// the operation. Like a lock it does not depend on the request's budget.
func (g *Group) Job(ctx context.Context, account, target string) string {
	return g.record.Job(state.WithoutBudget(ctx), account, target)
}
