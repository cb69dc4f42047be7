package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"ecs-api/api/negotiation"
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

// writeLimit is how long a caller may take to read a response, which is complete before its first byte is sent.
const writeLimit = 30 * time.Second

// saneID matches the request ids that are taken over from callers.
var saneID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// chain returns what every request goes through, outermost first.
func (s *Server) chain() http.Handler {
	var h http.Handler = http.HandlerFunc(s.dispatch)
	for _, wrap := range []func(http.Handler) http.Handler{s.authenticate, cors, cleanPath, secure, s.recoverPanics, s.observe} {
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
		answer := &responseWriter{ResponseWriter: w, record: rec}
		answer.Header().Set(headerRequestID, id)
		s.metrics.InFlight.Inc()
		defer func() {
			s.metrics.InFlight.Dec()
			if answer.status == 0 { // net/http answers for a handler that wrote nothing
				answer.status = http.StatusOK
			}
			took := time.Since(rec.Start)
			s.metrics.ObserveRequest(r.Method, rec, answer.status, rec.Latency(took))
			telemetry.LogAccess(s.log, r, rec, answer.status, answer.size, took)
			telemetry.EndTrace(span, r.Method, rec, answer.status)
		}()
		next.ServeHTTP(answer, r)
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
			if w.(*responseWriter).status != 0 { // part of a response is out: the caller must not take it for the whole
				recordOf(r).Err = err
				panic(http.ErrAbortHandler)
			}
			writeError(w, r, err)
		}()
		next.ServeHTTP(w, r)
	})
}

func (s *Server) logPanic(r *http.Request, stack []byte) {
	s.log.WithField("requestId", recordOf(r).ID).WithField("stack", string(stack)).Error("panic")
}

// secure sets the headers that keep browsers and proxies from doing more with a response than to show it.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// cleanPath reads doubled slashes as one and ignores a trailing one, and refuses paths with . and .. in them, escaped or not: nobody means
// those. An endpoint for which an empty name is a danger reads the path as it was written: see deletesByMistake.
func cleanPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		escaped := r.URL.EscapedPath()
		for strings.Contains(escaped, "//") {
			escaped = strings.ReplaceAll(escaped, "//", "/")
		}
		if escaped != "/" {
			escaped = strings.TrimSuffix(escaped, "/")
		}
		for segment := range strings.SplitSeq(escaped, "/") {
			if plain, err := url.PathUnescape(segment); err != nil || plain == "." || plain == ".." {
				showToPages(w.Header())
				writeError(w, r, common.Errorf(common.BadRequest, "the path must not hold . or .. as a segment"))
				return
			}
		}
		if escaped != r.URL.EscapedPath() {
			plain, err := url.PathUnescape(escaped)
			if err != nil { // its segments could be unescaped
				writeError(w, r, common.Errorf(common.BadRequest, "the path is badly escaped"))
				return
			}
			clean := *r.URL
			clean.Path, clean.RawPath = plain, escaped
			r = r.WithContext(r.Context())
			r.URL = &clean
		}
		next.ServeHTTP(w, r)
	})
}

// cors lets pages of any origin call the API, and responds to what browsers ask before they do.
func cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !underBase(r) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		showToPages(h)
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
			h.Set("Access-Control-Allow-Headers", strings.Join([]string{headerToken, "Content-Type", headerRequestID, headerRegistry, headerPrefer, headerKey, headerLastEvent, headerIfMatch, headerIfNoneMatch, "Cache-Control", "traceparent", "tracestate"}, ", "))
			h.Set("Access-Control-Max-Age", "600")
			write(w, http.StatusOK, nil)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// showToPages lets pages of any origin read a response.
func showToPages(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "X-Request-Id, Location, Operation-Location, X-Flywheel-Task, Idempotent-Replayed, Age, Retry-After, Server-Timing, X-Ignored-Fields, Preference-Applied, ETag")
}

// underBase reports whether r is for the API; anything else on this server is not found.
func underBase(r *http.Request) bool {
	return r.URL.Path == base || strings.HasPrefix(r.URL.Path, base+"/")
}

// responseWriter keeps the status and size of the response, and gives a slow reader no more than writeLimit.
type responseWriter struct {
	http.ResponseWriter
	record *telemetry.Record
	status int
	size   int64
}

// WriteHeader sends the head of the response, once.
func (w *responseWriter) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	if calls := w.record.AWSCalls.Load(); calls > 0 {
		w.Header().Set("Server-Timing", telemetry.ServerTiming(time.Since(w.record.Start), calls, w.record.Progress.Steps()))
	}
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(writeLimit)) // a test's recorder has none
	w.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the body.
func (w *responseWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.size += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController find the connection.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
