package api

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"ecs-api/api/middleware"
	"ecs-api/api/negotiation"
	"ecs-api/api/respond"
	"ecs-api/api/telemetry"
	"ecs-api/api/tokens"
	"ecs-api/common"
)

// base is where the API begins.
const base = "/v1/ecs"

// Headers of ours.
const (
	headerToken     = tokens.Header
	headerRequestID = "X-Request-Id"
	headerRegistry  = "X-Registry-Auth"
	headerLastEvent = "Last-Event-ID"
	// headerOnBehalfOf names the user for whom a caller acts.
	headerOnBehalfOf = "X-On-Behalf-Of"

	headerPrefer      = negotiation.HeaderPrefer
	headerApplied     = negotiation.HeaderApplied
	headerETag        = negotiation.HeaderETag
	headerIfMatch     = negotiation.HeaderIfMatch
	headerIfNoneMatch = negotiation.HeaderIfNoneMatch
)

// saneID matches the request ids that are taken over from callers.
var saneID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// chain returns what every request goes through, outermost first.
func (s *Server) chain() http.Handler {
	var h http.Handler = http.HandlerFunc(s.dispatch)
	allowed := middleware.CORS(base, headerToken, "Content-Type", headerRequestID, headerRegistry, headerPrefer, headerKey, headerLastEvent, headerIfMatch, headerIfNoneMatch, "Cache-Control", "traceparent", "tracestate")
	for _, wrap := range []func(http.Handler) http.Handler{s.authenticate, allowed, middleware.CleanPath, middleware.Secure, s.recoverPanics, s.observe} {
		h = wrap(h)
	}
	return h
}

// observe gives the request an id and a record, and logs and counts it when its response is sent.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(headerRequestID)
		if id == "" || !saneID.MatchString(id) {
			id = uuid.NewString()
		}
		r, rec := telemetry.NewRecord(r, id, time.Now())
		r, span := telemetry.BeginTrace(s.tracer, r, rec)
		response := middleware.NewResponse(w, rec)
		response.Header().Set(headerRequestID, id)
		s.metrics.InFlight.Inc()
		defer func() {
			s.metrics.InFlight.Dec()
			if response.Status == 0 { // net/http responds for a handler that wrote nothing
				response.Status = http.StatusOK
			}
			took := time.Since(rec.Start)
			s.metrics.ObserveRequest(r.Method, rec, response.Status, rec.Latency(took))
			telemetry.LogAccess(s.log, r, rec, response.Status, response.Size, took)
			telemetry.EndTrace(span, r.Method, rec, response.Status)
		}()
		next.ServeHTTP(response, r)
	})
}

// recoverPanics responds with 500 if anything panics, and logs where.
func (s *Server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			s.logPanic(r, debug.Stack())
			err := common.Errorf(common.Internal, "panic: %s", fmt.Sprint(p))
			if w.(*middleware.Response).Status != 0 { // part of a response is out: the caller must not take it for the whole
				recordOf(r).Err = err
				panic(http.ErrAbortHandler)
			}
			respond.Error(w, r, err)
		}()
		next.ServeHTTP(w, r)
	})
}

func (s *Server) logPanic(r *http.Request, stack []byte) {
	s.log.WithField("requestId", recordOf(r).ID).WithField("stack", string(stack)).Error("panic")
}
