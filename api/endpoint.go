package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"ecs-api/common"
)

// How long an endpoint may take unless its route says otherwise.
const (
	readTime  = 30 * time.Second
	writeTime = 60 * time.Second
)

// none is the input of an endpoint that takes no body, and the output of one that answers none.
type none struct{}

// call is one request on its way through an endpoint. All that the path and the query say has been checked by the time an endpoint
// sees it.
type call struct {
	server  *Server
	account *account // nil where the path names none
	ctx     context.Context
	request *http.Request
	params  params
	header  http.Header // of the answer, if it is a success
}

// Context ends with the endpoint's deadline. For a read it also ends when the caller hangs up; a write is seen through.
func (c call) Context() context.Context { return c.ctx }

// endpoint is a typed function as an http.Handler.
type endpoint struct {
	server  *Server
	status  int
	params  []param
	unless  map[string]any // the values of query parameters that are not given
	time    time.Duration  // 0: readTime or writeTime
	in, out reflect.Type
	run     func(http.ResponseWriter, call) (any, error)
}

// setting is what a route's line may say of its endpoint beside the status.
type setting func(*endpoint)

// within lets an endpoint take up to d.
func within(d time.Duration) setting { return func(e *endpoint) { e.time = d } }

// handle makes an http.Handler of f: it checks what the path and the query say, resolves the account, decodes the body, calls f,
// encodes what f returns and only then writes. A nil pointer, or none, is answered with an empty body, a nil slice with [].
func handle[In, Out any](s *Server, status int, f func(call, In) (Out, error), settings ...setting) http.Handler {
	e := &endpoint{server: s, status: status, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out]()}
	for _, set := range settings {
		set(e)
	}
	e.run = func(w http.ResponseWriter, c call) (any, error) {
		var in In
		if e.in != reflect.TypeFor[none]() {
			if err := decode(w, c.request, &in); err != nil {
				return nil, err
			}
		}
		ctx, cancel := e.deadline(c.request)
		defer cancel()
		c.ctx = ctx
		return f(c, in)
	}
	return e
}

// ServeHTTP answers one request.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := call{server: e.server, request: r, header: http.Header{}}
	out, err := e.serve(w, c)
	if err != nil {
		writeError(w, r, err)
		return
	}
	body, err := encode(out)
	if err != nil {
		writeError(w, r, common.Errorf(common.Internal, "encode the answer: %w", err))
		return
	}
	for name, values := range c.header {
		w.Header()[name] = values
	}
	if len(body) > 0 {
		w.Header().Set("Content-Type", "application/json")
	}
	write(w, e.status, body)
}

func (e *endpoint) serve(w http.ResponseWriter, c call) (out any, err error) {
	vars := mux.Vars(c.request)
	if c.params, err = e.parse(vars, c.request.URL.RawQuery); err != nil {
		return nil, err
	}
	if _, ok := vars["account"]; ok {
		name := c.name("account")
		if c.account, ok = e.server.accounts[name]; !ok {
			return nil, common.Errorf(common.NotFound, "there is no account %q here", name)
		}
		recordOf(c.request).account = name
	}
	return e.run(w, c)
}

// deadline returns the context of r's endpoint.
func (e *endpoint) deadline(r *http.Request) (context.Context, context.CancelFunc) {
	ctx, limit := r.Context(), readTime
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		ctx, limit = context.WithoutCancel(ctx), writeTime
	}
	if e.time > 0 {
		limit = e.time
	}
	return context.WithTimeout(ctx, limit)
}

// encode returns the JSON of what an endpoint returned.
func encode(out any) ([]byte, error) {
	if _, ok := out.(none); ok || out == nil {
		return nil, nil
	}
	switch v := reflect.ValueOf(out); {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return nil, nil
	case v.Kind() == reflect.Slice && v.IsNil():
		return []byte("[]\n"), nil
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(out)
	return buf.Bytes(), err
}

// write sends the head and the body of an answer at once.
func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error means that the caller hung up: there is nobody to tell
}
