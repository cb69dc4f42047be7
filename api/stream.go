package api

import (
	"context"
	"net/http"
	"time"

	"ecs-api/api/negotiation"
	"ecs-api/api/respond"
	"ecs-api/api/sse"
	"ecs-api/api/urlparams"
)

// stream is the output of an endpoint whose response is a stream. Run begins when the endpoint has returned; its context ends when the caller
// hangs up, the stream's time is over or the server stops.
type stream struct {
	run func(context.Context, *sse.Writer) error
	// otherwise is sent in place of a stream that the server cannot open; nil for the error.
	otherwise func(http.ResponseWriter)
}

// streams reports whether the caller of c wants a stream: by follow, where the route takes it, or by asking for events.
func (c call) streams() bool {
	if c.request.Method == http.MethodHead {
		return false // it would have no body, and no end
	}
	follow, _ := urlparams.Find[bool](c.params, "follow")
	return follow || negotiation.Accepted(c.request) == negotiation.Events
}

// wantsStream reports whether r may be responded to with a stream, which no two callers can share.
func wantsStream(r *http.Request) bool {
	return r.Method != http.MethodHead && (negotiation.Accepted(r) == negotiation.Events || r.URL.Query().Has("follow"))
}

// serveStream runs a stream as the caller wants it: as text for whoever accepts text, else as events.
func (s *Server) serveStream(w http.ResponseWriter, r *http.Request, out *stream) {
	form := sse.Events
	if negotiation.Accepted(r) == negotiation.Text {
		form = sse.Lines
	}
	run := func(ctx context.Context, w *sse.Writer) error {
		recordOf(r).Streamed = time.Since(recordOf(r).Start)
		return out.run(ctx, w)
	}
	begun, err := s.streams.Serve(w, r, form, run, func(err error) any { return respond.ProblemOf(err).For(r) })
	switch {
	case err == nil:
	case begun:
		recordOf(r).Err = err
	case out.otherwise != nil:
		out.otherwise(w)
	default:
		respond.Error(w, r, err)
	}
}
