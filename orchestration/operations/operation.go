package operations

import (
	"cmp"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/google/uuid"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
)

// Operation is a piece of work that continues after the response to its request.
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
	Caller    string `json:"-"` // who sent that request
	Server    string `json:"-"` // the id of the server that works on it; empty while it waits in a queue
	Queued    bool   `json:"-"` // it is a job of a queue: another server continues it when this one ends

	Remedy  string          `json:"-"` // what completes it when its server has died; empty: repeating the request
	Pending json.RawMessage `json:"-"` // the Result that it has once it has succeeded
}

// Ended reports whether nobody works on the operation any more, or will.
func (o Operation) Ended() bool { return o.EndedAt != nil }

// How many ended operations are kept, and for how long.
const (
	Keep    = 1000
	KeepFor = 24 * time.Hour
)

// Request is the request that begins an operation.
type Request struct{ ID, Caller string }

type requestKey struct{}

// WithRequest returns a context of the request: operations that it begins carry its id.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

func requestOf(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

// operation is an Operation that this server works on.
type operation struct {
	report   Operation // without its steps; guarded by the group's lock
	progress *saga.Progress
	stop     func() // ends the saving of its progress; set when it has begun

	saving sync.Mutex // held while it is saved
	left   bool       // this server works on it no more: nothing of before is saved. Guarded by saving
}

// newOperation gives o what every operation begins with.
func (g *Group) newOperation(ctx context.Context, o *Operation) *operation {
	request := requestOf(ctx)
	o.ID, o.State, o.StartedAt, o.Server = uuid.NewString(), saga.Running, time.Now().UTC(), g.server
	o.TraceID, o.RequestID, o.Caller = saga.TraceID(ctx), request.ID, request.Caller
	o.Result, o.Steps = nil, []saga.StepReport{}
	return &operation{report: *o, progress: &saga.Progress{}}
}

// view returns the operation as it is now. The group's lock must be held.
func (op *operation) view() Operation {
	o := op.report
	o.Steps = op.progress.Steps()
	return o
}

// end returns the operation as it ends now, with err or else the result.
func (o Operation) end(result json.RawMessage, err error) Operation {
	now := time.Now().UTC()
	o.EndedAt, o.State, o.Result = &now, saga.Succeeded, result
	if err != nil {
		o.State, o.Result, o.Error, o.Err = saga.Failed, nil, common.Public(err), err
	}
	return o
}

// Interrupt returns the operation as it ends when its server has ended before it was done.
func (o Operation) Interrupt() Operation {
	o = o.end(nil, common.Errorf(common.Unavailable, "the server that worked on it ended before it was done; %s",
		cmp.Or(o.Remedy, "repeat the request to complete it")))
	o.State = saga.Interrupted
	o.Steps = saga.Resumed(o.Steps, *o.EndedAt).Steps()
	return o
}
