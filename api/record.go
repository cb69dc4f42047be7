package api

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"ecs-api/common"
	"ecs-api/orchestration/saga"
)

// record is what becomes known of a request while it is served. The access log and the metrics are written from it.
type record struct {
	id       string
	caller   common.Caller
	grant    *grant // what the caller may do; nil where no token is needed
	route    string // the template of the route that serves it
	account  string
	err      error
	streamed time.Duration // until its stream began; 0 if it has none
	shared   bool          // the answer is that of another caller's identical read, which its calls to AWS count for
	awsCalls atomic.Int64  // may still grow after the answer: background work carries the request's context
	start    time.Time
	traceID  string        // empty when tracing is off
	progress saga.Progress // the steps of the orchestration that the request asks for
}

// noRoute is the route of a request that none takes.
const noRoute = "none"

// status returns the status that is told of the request: that of its answer, unless nobody waited for it.
func (rec *record) status(answered int) int {
	if common.Is(rec.err, common.Canceled) {
		return statusHungUp
	}
	return answered
}

// latency returns how long the caller waited: for a stream, until it began.
func (rec *record) latency(took time.Duration) time.Duration {
	if rec.streamed > 0 {
		return rec.streamed
	}
	return took
}

type recordKey struct{}

// recordOf returns the record of r, which came through Server.Handler.
func recordOf(r *http.Request) *record { return r.Context().Value(recordKey{}).(*record) }

// withRecord returns r with a new record.
func withRecord(r *http.Request, id string, now time.Time) (*http.Request, *record) {
	rec := &record{id: id, route: noRoute, start: now}
	return r.WithContext(context.WithValue(r.Context(), recordKey{}, rec)), rec
}
