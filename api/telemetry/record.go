// Package telemetry is what becomes known of a request besides its response: its record, and what is written from that, which is the line in the log,
// the metrics, the span and Server-Timing. It owns one rule: no query, body, token or value of a secret gets into any of them, and no label or name
// of a span is one that a caller made up.
package telemetry

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"ecs-api/api/tokens"
	"ecs-api/common"
	"ecs-api/orchestration/saga"
)

// Record is what becomes known of a request while it is served. The access log and the metrics are written from it.
type Record struct {
	ID       string
	Caller   common.Caller
	Grant    *tokens.Grant // what the caller may do; nil where no token is needed
	Route    string        // the template of the route that serves it
	Account  string
	Err      error
	Streamed time.Duration // until its stream began; 0 if it has none
	Kept     bool          // the response was kept since an earlier request
	Shared   bool          // the response is that of another caller's identical read, which its calls to AWS count for
	AWSCalls atomic.Int64  // may still grow after the response: background work carries the request's context
	Start    time.Time
	TraceID  string        // empty when tracing is off
	Progress saga.Progress // the steps of the orchestration that the request asks for
}

// noRoute is the route of a request that none takes.
const noRoute = "none"

// Status returns the status that telemetry has for the request: that of its response, unless nobody waited for it.
func (rec *Record) Status(responded int) int {
	if common.Is(rec.Err, common.Canceled) {
		return statusHungUp
	}
	return responded
}

// Latency returns how long the caller waited: for a stream, until it began.
func (rec *Record) Latency(took time.Duration) time.Duration {
	if rec.Streamed > 0 {
		return rec.Streamed
	}
	return took
}

type recordKey struct{}

// Of returns the record of r, which NewRecord gave it.
func Of(r *http.Request) *Record { return r.Context().Value(recordKey{}).(*Record) }

// NewRecord returns r with a new record.
func NewRecord(r *http.Request, id string, now time.Time) (*http.Request, *Record) {
	rec := &Record{ID: id, Route: noRoute, Start: now}
	return r.WithContext(context.WithValue(r.Context(), recordKey{}, rec)), rec
}

// CountAWSCall counts a call to AWS for the request that the context belongs to, if it belongs to one.
func CountAWSCall(ctx context.Context) {
	if rec, ok := ctx.Value(recordKey{}).(*Record); ok {
		rec.AWSCalls.Add(1)
	}
}
