package operations

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
)

// Work does a job that the queue gives to this server, and returns when it has ended. Nil means that nobody needs to do it any more, whatever became
// of it; else the error is a Later. When ctx ends, as it does when the queue has lost its connection, the work continues.
func (g *Group) Work(ctx context.Context, job Job) error {
	h, ok := g.handler(job)
	if !ok {
		return &Later{After: waitForServer, Err: common.Errorf(common.Unavailable, "this server does no jobs of kind %q in account %s", job.Kind, job.Account)}
	}
	if g.hasWithdrawn(job) {
		return nil
	}
	if op := g.worksOn(job); op != nil { // the queue lost sight of it: this server continues
		return g.waitFor(ctx, op, job)
	}
	if _, due, err := g.due(ctx, job); !due {
		return err
	}
	release, err := h.Lock(ctx, job)
	if err != nil {
		return &Later{After: waitForLock, Err: err}
	}
	o, due, err := g.due(ctx, job) // once more: a server may have done the job while this one waited for the lock
	if !due {
		release()
		return err
	}
	return g.take(ctx, h, job, o, release)
}

// due returns the operation of the job, and whether it is to be done here and now. If not, the error is what Work returns.
func (g *Group) due(ctx context.Context, job Job) (o Operation, due bool, err error) {
	o, err = g.record.Find(ctx, job.Account, job.Operation)
	switch {
	case common.Is(err, common.NotFound): // its server ended before it was submitted, or the record lost it
		return job.operation(), true, nil
	case err != nil:
		return o, false, &Later{After: waitForLock, Err: err}
	case o.Ended():
		return o, false, nil
	case g.worksOn(job) != nil:
		return o, false, &Later{After: waitForLock, Err: errors.New("this server works on it")}
	case o.Server != "" && o.Server != g.server && g.record.Alive(ctx, o.Server):
		return o, false, &Later{After: waitForServer, Err: errors.New("another server works on it")}
	}
	return o, true, nil
}

// take does a job that no server works on, and whose target is locked.
func (g *Group) take(ctx context.Context, h Handler, job Job, o Operation, release func()) error {
	if err := g.enter(); err != nil {
		release()
		return &Later{Err: err}
	}
	o.Server, o.Queued = g.server, true
	op := &operation{report: o, progress: saga.Resumed(o.Steps, time.Now().UTC())}
	outcome := make(chan error, 1)
	g.begin(ctx, op)
	g.run(ctx, op, job.Limit, h.work(job), func(result json.RawMessage, err error) {
		release()
		later := g.retry(job, err)
		g.finish(op, result, err, later != nil)
		outcome <- later
	})
	select {
	case err := <-outcome:
		return err
	case <-ctx.Done():
		return &Later{After: waitForServer, Err: ctx.Err()}
	}
}

// retry returns when to retry a job that ended with err; nil if not at all.
func (g *Group) retry(job Job, err error) error {
	switch {
	case err == nil:
		return nil
	case g.ctx.Err() != nil:
		return &Later{Err: err} // the server shuts down: another one continues at once
	case common.Transient(err) && time.Since(job.Began) < job.Limit:
		return &Later{Failed: true, Err: err}
	}
	return nil
}

// handBack leaves an operation to whichever server gets its job next.
func (g *Group) handBack(op *operation) {
	op.stop()
	g.mu.Lock()
	o := op.view()
	g.mu.Unlock()
	o.Server = ""
	g.observe(o)
	g.leave(op, o)
}

// hasWithdrawn reports whether the request of the job was refused on this server, which the queue has not learned.
func (g *Group) hasWithdrawn(job Job) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, withdrawn := g.withdrawn[job.Operation]
	return withdrawn
}

// worksOn returns the operation of the job, if this server works on it.
func (g *Group) worksOn(job Job) *operation {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.live[job.Operation]
}

// waitFor waits until this server works no more on an operation.
func (g *Group) waitFor(ctx context.Context, op *operation, job Job) error {
	for {
		changed := op.progress.Changed()
		if g.worksOn(job) != op {
			return &Later{Err: errors.New("the work ended while the queue had lost sight of it")} // whether it is to be done again, the record says
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return &Later{After: waitForServer, Err: ctx.Err()}
		}
	}
}
