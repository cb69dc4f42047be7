package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"
	"go.opentelemetry.io/otel/trace"

	"ecs-api/api/respond"
	"ecs-api/api/telemetry"
	"ecs-api/common"
)

// HeaderRequestID names a request, in its response and in the log.
const HeaderRequestID = "X-Request-Id"

// saneID matches the request ids that are taken over from callers.
var saneID = common.NewPattern(128, `^[A-Za-z0-9._:-]+$`)

// Observe gives the request an id and a record, and logs, counts and traces it when its response is sent. A nil tracer traces nothing.
func Observe(log *logrus.Logger, metrics *telemetry.Metrics, tracer trace.Tracer) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id := r.Header.Get(HeaderRequestID)
			if id == "" || !saneID.MatchString(id) {
				id = uuid.NewString()
			}
			r, rec := telemetry.NewRecord(r, id, time.Now())
			r, span := telemetry.BeginTrace(tracer, r, rec)
			response := NewResponse(w, rec)
			response.Header().Set(HeaderRequestID, id)
			metrics.InFlight.Inc()
			defer func() {
				metrics.InFlight.Dec()
				if response.Status == 0 { // net/http responds for a handler that wrote nothing
					response.Status = http.StatusOK
				}
				took := time.Since(rec.Start)
				metrics.ObserveRequest(r.Method, rec, response.Status, rec.Latency(took))
				telemetry.LogAccess(log, r, rec, response.Status, response.Size, took)
				telemetry.EndTrace(span, r.Method, rec, response.Status)
			}()
			next.ServeHTTP(response, r)
		})
	}
}

// Recover responds with 500 if anything panics, and logs where.
func Recover(log *logrus.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				p := recover()
				if p == nil {
					return
				}
				if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				LogPanic(log, r, debug.Stack())
				err := common.Errorf(common.Internal, "panic: %s", fmt.Sprint(p))
				if w.(*Response).Status != 0 { // part of a response is out: the caller must not take it for the whole
					telemetry.Of(r).Err = err
					panic(http.ErrAbortHandler)
				}
				respond.Error(w, r, err)
			}()
			next.ServeHTTP(w, r)
		})
	}
}

// LogPanic logs where the work for r panicked.
func LogPanic(log *logrus.Logger, r *http.Request, stack []byte) {
	log.WithField("requestId", telemetry.Of(r).ID).WithField("stack", string(stack)).Error("panic")
}
