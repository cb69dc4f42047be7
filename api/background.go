package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"ecs-api/api/negotiation"
	"ecs-api/api/progress"
	"ecs-api/api/respond"
	"ecs-api/api/sse"
	"ecs-api/common"
	"ecs-api/orchestration/operations"
)

// Headers that say where background work can be followed.
const (
	headerOperation = "Operation-Location"
	headerFlywheel  = "X-Flywheel-Task"
)

// asynchronous lets callers choose not to wait for the endpoint: it continues as an operation of that kind as soon as it has decided what it changes. See
// operations.AcceptNow.
func asynchronous(kind string) setting { return func(e *endpoint) { e.kind = kind } }

// attempt serves a write whose caller does not wait. One that ends before it has decided, such as a wrong one, is responded to as if they waited.
func (e *endpoint) attempt(w http.ResponseWriter, c call) response {
	var out response // written before the work ends, and read only if that was no operation
	settle := c.settle
	c.settle = nil
	shows := negotiation.ShowsProgress(c.request)
	op, err := e.server.fleet.Background.Attempt(c.ctx, operations.Operation{Kind: e.kind, Account: c.account.Name}, e.limit(c.request)+writeTime,
		func(ctx context.Context) (json.RawMessage, error) {
			defer c.account.written(c)
			c.ctx = ctx
			done := response{err: common.Errorf(common.Internal, "the request ended without a response")} // where it panics
			defer func() {
				if settle != nil && shows && operations.WasAccepted(ctx) {
					settle(done)
				}
			}()
			done = e.do(w, c)
			out = done
			return done.body, done.err
		})
	switch {
	case op != nil:
		a := c.inBackground(*op)
		a.deferred = shows
		return a
	case err != nil && out.err == nil:
		return response{err: err} // it has panicked, or not begun
	case shows && out.err == nil && out.stream == nil:
		out.stream = &stream{run: func(_ context.Context, w *sse.Writer) error {
			return w.Send(progress.Result(out.body))
		}}
	}
	return out
}

// inBackground returns the response to a request that continues as an operation: its progress, to callers who want that; else the operation.
func (c call) inBackground(op operations.Operation) response {
	if c.header == nil { // where the work is at it, which has a header of its own
		c.header = http.Header{}
	}
	c.locate(op)
	body, err := respond.Encode(progress.Of(c.request, op))
	if err != nil {
		return response{err: common.Errorf(common.Internal, "encode the operation: %w", err)}
	}
	a := response{status: http.StatusAccepted, header: c.header, body: body}
	if negotiation.ShowsProgress(c.request) {
		now := a
		a.stream = c.follow(op.ID)
		a.stream.otherwise = func(w http.ResponseWriter) { now.send(w, now.status) } // it continues all the same
	} else {
		c.header.Set(headerApplied, "respond-async")
	}
	return a
}

// locate names in the response the operation in which the request continues.
func (c call) locate(op operations.Operation) {
	c.header.Set(headerOperation, base+"/"+url.PathEscape(c.account.Name)+"/operations/"+op.ID)
	c.header.Set(headerFlywheel, op.ID)
}

// follow returns a stream of an operation's progress.
func (c call) follow(id string) *stream {
	group, account, r := c.server.fleet.Background, c.account.Name, c.request
	return &stream{run: func(ctx context.Context, out *sse.Writer) error {
		return progress.Follow(ctx, group, account, id, r, out)
	}}
}
