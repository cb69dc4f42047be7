package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"ecs-api/api/body"
	"ecs-api/api/coalesce"
	"ecs-api/api/middleware"
	"ecs-api/api/negotiation"
	textreport "ecs-api/api/report"
	"ecs-api/api/respond"
	"ecs-api/api/responsecache"
	"ecs-api/api/urlparams"
	"ecs-api/common"
	"ecs-api/orchestration/etag"
	"ecs-api/orchestration/operations"
	"ecs-api/orchestration/saga"
)

// How long an endpoint may take unless its route says otherwise.
const (
	readTime  = 30 * time.Second
	writeTime = 60 * time.Second
)

// none is the input of an endpoint that takes no body, and the output of one whose response has none.
type none = struct{}

// call is one request on its way through an endpoint. All that the path and the query say has been checked by the time an endpoint
// sees it.
type call struct {
	server  *Server
	account *account // nil where the path names none
	ctx     context.Context
	request *http.Request
	params  urlparams.Values
	body    *body.Body     // nil where there is none
	header  http.Header    // of the response, if it is a success
	settle  func(response) // keeps the response for who repeats the request; called once, with the one that lasts
	match   etag.Condition
}

// Context ends with the endpoint's deadline. For a read it also ends when the caller hangs up; a write is seen through.
func (c call) Context() context.Context { return c.ctx }

// endpoint is a typed function as an http.Handler.
type endpoint struct {
	server       *Server
	status       int
	params       urlparams.Set
	time         time.Duration // 0: readTime or writeTime
	takesIfMatch bool          // a write may be sent with If-Match
	optionalBody bool          // the body may be left out
	exclusive    bool          // identical requests do not share a response
	fresh        bool          // the response is always a new one, whatever the caller accepts
	kind         string        // of the operation that the request becomes for callers who do not wait; empty: they must
	in, out      reflect.Type
	check        func(c call, in any) []common.FieldError // what is wrong with a body's values; nil if the endpoint says it itself
	run          func(http.ResponseWriter, call) (any, error)
}

// takesIfMatch lets callers send a write with If-Match. Other writes refuse the header, because they would not obey it.
func takesIfMatch(e *endpoint) { e.takesIfMatch = true }

// setting is one of the options that a route's line gives its endpoint beside the status.
type setting func(*endpoint)

// within gives the endpoint's requests up to d, instead of the usual 30 or 60 seconds.
func within(d time.Duration) setting { return func(e *endpoint) { e.time = d } }

// checked names f, which checks the values of a body whose form is wrong, so that the response reports both kinds of errors at once. The endpoint itself
// must refuse wrong values in a body whose form is right.
func checked[In any](f func(call, *In) []common.FieldError) setting {
	return func(e *endpoint) {
		e.check = func(c call, in any) []common.FieldError { return f(c, in.(*In)) }
	}
}

// optionalBody lets callers leave out the body, because nothing in it is required.
func optionalBody() setting { return func(e *endpoint) { e.optionalBody = true } }

// unshared gives identical requests separate responses. It is for requests that wait, because each one waits from its own beginning.
func unshared() setting { return func(e *endpoint) { e.exclusive = true } }

// uncacheable gives callers a new response even if they accept a cached one. It is for what changes all the time by itself, or may contain anything.
func uncacheable() setting { return func(e *endpoint) { e.fresh = true } }

// handle returns the http.Handler of f. It checks the path and the query, resolves the account, decodes the body, calls f, encodes what f returns, and only
// then writes. A nil pointer or none becomes an empty body, a nil slice becomes [].
func handle[In, Out any](s *Server, status int, f func(call, In) (Out, error), settings ...setting) http.Handler {
	e := &endpoint{server: s, status: status, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out]()}
	for _, set := range settings {
		set(e)
	}
	e.run = func(w http.ResponseWriter, c call) (any, error) {
		var in In
		ctx, cancel := context.WithTimeout(c.ctx, e.limit(c.request))
		defer cancel()
		c.ctx = ctx
		if err := e.decode(w, &c, &in); err != nil {
			return nil, err
		}
		out, err := f(c, in)
		if err != nil && c.body != nil {
			err = c.body.Respell(err)
		}
		return out, err
	}
	return e
}

// ServeHTTP serves one request.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(e.server.fleet.Bound(r.Context()))
	c := call{server: e.server, request: r, ctx: r.Context()}
	if isRead(r) && e.limit(r) > readTime { // the server's ReadTimeout would end the request's context; a test's recorder has no deadline
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	}
	e.send(w, r, e.serve(w, c))
}

// send sends a response, whatever it is.
func (e *endpoint) send(w http.ResponseWriter, r *http.Request, a response) {
	if a.age != nil {
		w.Header().Set(headerAge, strconv.Itoa(int(a.age.Seconds())))
	}
	switch {
	case a.err != nil:
		if p, ok := errors.AsType[*coalesce.Panic](a.err); ok {
			middleware.LogPanic(e.server.log, r, p.Stack)
		}
		respond.Error(w, r, a.err)
	case a.stream != nil:
		respond.AddHeader(w.Header(), a.header)
		e.server.serveStream(w, r, a.stream)
	case negotiation.NotModified(r, a.header.Get(headerETag)):
		w.Header().Set(headerETag, a.header.Get(headerETag))
		w.WriteHeader(http.StatusNotModified)
	default:
		a.send(w, cmp.Or(a.status, e.status))
	}
}

// serve returns the response to c. Identical reads of an account that are under way share theirs, but never one from before a write that has been
// responded to.
func (e *endpoint) serve(w http.ResponseWriter, c call) response {
	if err := e.resolve(&c); err != nil {
		return response{err: err}
	}
	if isRead(c.request) {
		return e.read(w, c)
	}
	if isDryRun(c.request) { // it has no effect that a repetition could have twice
		return e.write(w, c)
	}
	return e.idempotent(w, c)
}

// read serves a request that changes nothing. Its calls to AWS let those of writes go first.
func (e *endpoint) read(w http.ResponseWriter, c call) response {
	c.ctx = common.Polling(c.ctx)
	if c.account == nil || !shareable(c.request) || e.exclusive {
		return e.do(w, c)
	}
	key, accepted := responsecache.Key{Account: c.account.Name, Request: readKey(c.request)}, time.Duration(0)
	if !e.fresh {
		accepted = responsecache.Accepted(c.request.Header)
	}
	if accepted > 0 {
		if a, age, ok := e.server.responses.Get(key, accepted, time.Now()); ok {
			recordOf(c.request).Kept = true
			a.age = &age
			return a
		}
	}
	a, shared, err := c.account.reads.Do(c.ctx, key.Request, e.limit(c.request), func(ctx context.Context) (response, error) {
		c.ctx = ctx
		began := e.server.responses.Begin(key.Account, time.Now())
		a := e.do(w, c)
		a.began = began
		return a, a.err
	})
	recordOf(c.request).Shared = shared
	if err == nil && accepted > 0 && a.stream == nil && a.status == http.StatusOK {
		e.server.responses.Put(key, a.began, a, len(a.body))
	}
	a.err = err
	return a
}

// write serves a request that may change something. It is seen through when the caller hangs up.
func (e *endpoint) write(w http.ResponseWriter, c call) response {
	c.ctx = operations.WithRequest(context.WithoutCancel(c.ctx), operations.Request{ID: recordOf(c.request).ID, Caller: recordOf(c.request).Caller.Name})
	if e.reports(c) {
		return e.attempt(w, c)
	}
	if c.account != nil && !isDryRun(c.request) {
		defer c.account.written(c) // also when it failed, or panicked: it may have changed something
	}
	c.ctx = saga.WithProgress(c.ctx, &recordOf(c.request).Progress)
	return e.do(w, c)
}

// reports reports whether c is a write whose caller gets an operation or its progress: what it returns is JSON, kept with the operation, whatever form
// the stream has.
func (e *endpoint) reports(c call) bool {
	return e.kind != "" && c.account != nil && negotiation.WantsProgress(c.request) && !isDryRun(c.request)
}

// resolve checks what c's path and query say, and finds its account.
func (e *endpoint) resolve(c *call) (err error) {
	vars := mux.Vars(c.request)
	if c.params, err = e.params.Parse(vars, c.request.URL.RawQuery); err != nil {
		return err
	}
	if err := e.checkConditions(c); err != nil {
		return err
	}
	if _, ok := vars["account"]; ok {
		name := c.name("account")
		if c.account, ok = e.server.accounts[name]; !ok {
			return common.Errorf(common.NotFound, "there is no account %q here; GET %s/accounts lists them", name, base)
		}
		recordOf(c.request).Account = name
		return recordOf(c.request).Grant.PermitAccount(name)
	}
	return nil
}

// checkConditions reads what a write is sent with beside its body: what it expects, and whether its token may send it.
func (e *endpoint) checkConditions(c *call) (err error) {
	if isRead(c.request) {
		return nil
	}
	if dry, _ := urlparams.Find[bool](c.params, flagDryRun); !dry {
		if err := permitWrite(c.request); err != nil {
			return err
		}
	}
	if c.match, err = negotiation.IfMatch(c.request.Header); err == nil && !e.takesIfMatch && len(c.request.Header.Values(headerIfMatch)) > 0 {
		err = common.Invalid(common.FieldError{Field: headerIfMatch, Detail: "is not taken by this request; leave it out"})
	}
	return err
}

// do runs the endpoint and encodes what it returns.
func (e *endpoint) do(w http.ResponseWriter, c call) response {
	c.header = http.Header{}
	out, err := e.run(w, c)
	if err != nil {
		return response{err: err}
	}
	switch out := out.(type) {
	case *stream:
		return response{stream: out}
	case *operations.Operation:
		return c.inBackground(*out)
	}
	status := e.status
	if isDryRun(c.request) { // what it plans may be accepted only when it is done
		status = http.StatusOK
	}
	if negotiation.Accepted(c.request) == negotiation.Text && !e.reports(c) {
		if text, ok := textreport.Of(out); ok {
			c.header.Set("Content-Type", negotiation.Text+"; charset=utf-8")
			return response{status: status, header: c.header, body: []byte(text)}
		}
	}
	body, err := respond.Encode(out)
	if err != nil {
		return response{err: common.Errorf(common.Internal, "encode the response: %w", err)}
	}
	return response{status: status, header: c.header, body: body}
}

// limit returns how long the endpoint may take for r.
func (e *endpoint) limit(r *http.Request) time.Duration {
	switch {
	case e.time > 0:
		return e.time
	case isRead(r):
		return readTime
	}
	return writeTime
}

// isRead reports whether r changes nothing.
func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }
