package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"

	"ecs-api/api/body"
	"ecs-api/api/idempotency"
	"ecs-api/api/negotiation"
	"ecs-api/api/progress"
	"ecs-api/api/sse"
	"ecs-api/common"
	"ecs-api/orchestration/resource"
)

// Headers of requests that may be repeated.
const (
	headerKey      = "Idempotency-Key"
	headerReplayed = "Idempotent-Replayed"
)

// idempotent serves a write. A POST with an Idempotency-Key that has been responded to gets the same response again, and changes nothing.
func (e *endpoint) idempotent(w http.ResponseWriter, c call) response {
	values := c.request.Header.Values(headerKey)
	if c.request.Method != http.MethodPost || len(values) == 0 {
		return e.write(w, c)
	}
	if len(values) > 1 {
		return response{err: common.Errorf(common.BadRequest, "the Idempotency-Key is given more than once")}
	}
	if err := idempotency.CheckKey(values[0]); err != nil {
		return response{err: err}
	}
	text, err := body.Read(w, c.request)
	if err != nil {
		return response{err: err}
	}
	c.request.Body, c.request.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	keeper, key := e.server.idempotency, idempotency.Key{Caller: recordOf(c.request).Caller.Name, Key: values[0]}
	target := c.request.URL.EscapedPath() + "?" + c.request.URL.RawQuery
	first, err := keeper.Begin(c.ctx, key, c.request.Method, target, text)
	if err != nil {
		return response{err: err}
	}
	if first != nil {
		return e.replay(c.request, first)
	}
	c.ctx = resource.WithKey(c.ctx, resource.NewKey(key.Caller, key.Key, c.request.Method, target, string(text)))
	ctx := context.WithoutCancel(c.ctx)
	c.settle = func(a response) {
		keeper.Finish(ctx, key, idempotency.Lasting(c.request, kept(w.Header()), cmp.Or(a.status, e.status), a.header, a.body, a.err))
	}
	a := response{err: common.Errorf(common.Internal, "the request ended without a response")} // where it panics
	defer func() {
		if !a.deferred {
			c.settle(a)
		}
	}()
	a = e.write(w, c)
	return a
}

// kept returns those of a response's headers that are set while its body is decoded, and replayed with it.
func kept(h http.Header) http.Header {
	all := http.Header{}
	for _, name := range []string{headerIgnored, headerApplied} {
		if values := h.Values(name); len(values) > 0 {
			all[name] = slices.Clone(values)
		}
	}
	return all
}

// replay returns the response that the first request got: as an event to whoever wants events, and as a report to whoever wants that of a write which
// shows its progress.
func (e *endpoint) replay(r *http.Request, first *idempotency.Response) response {
	a := response{status: first.Status, header: first.Header, body: first.Body}
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(headerReplayed, "true")
	streams := negotiation.Accepted(r) == negotiation.Events || e.kind != "" && negotiation.ShowsProgress(r)
	if streams && first.Status == http.StatusOK && json.Valid(first.Body) {
		a.stream = &stream{run: func(_ context.Context, w *sse.Writer) error {
			return w.Send(progress.Result(first.Body))
		}}
	}
	return a
}
