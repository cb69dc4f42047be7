package api

import (
	"net/http"

	"ecs-api/api/middleware"
	"ecs-api/api/negotiation"
	"ecs-api/api/tokens"
)

// base is where the API begins.
const base = "/v1/ecs"

// Headers of ours.
const (
	headerToken      = tokens.Header
	headerRequestID  = middleware.HeaderRequestID
	headerRegistry   = "X-Registry-Auth"
	headerLastEvent  = "Last-Event-ID"
	headerOnBehalfOf = tokens.HeaderOnBehalfOf

	headerPrefer      = negotiation.HeaderPrefer
	headerApplied     = negotiation.HeaderApplied
	headerETag        = negotiation.HeaderETag
	headerIfMatch     = negotiation.HeaderIfMatch
	headerIfNoneMatch = negotiation.HeaderIfNoneMatch
)

// chain returns what every request goes through, outermost first.
func (s *Server) chain() http.Handler {
	var h http.Handler = s.router
	allowed := middleware.CORS(base, headerToken, "Content-Type", headerRequestID, headerRegistry, headerPrefer, headerKey, headerLastEvent,
		headerIfMatch, headerIfNoneMatch, "Cache-Control", "traceparent", "tracestate")
	for _, wrap := range []func(http.Handler) http.Handler{middleware.Authenticate(base, s.public, s.callers), allowed, middleware.CleanPath,
		middleware.Secure, middleware.Recover(s.log), middleware.Observe(s.log, s.metrics, s.tracer)} {
		h = wrap(h)
	}
	return h
}
