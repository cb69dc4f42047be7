// Package respond writes responses: a body at once, an error as a problem (RFC 9457). It owns one rule: it is the only place where an error becomes a
// status and a text, so that none says more than its caller may read.
package respond

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"ecs-api/api/negotiation"
	"ecs-api/api/telemetry"
	"ecs-api/common"
)

// statuses gives every kind of error its HTTP status.
var statuses = map[common.Kind]int{
	common.Internal:           http.StatusInternalServerError,
	common.BadRequest:         http.StatusBadRequest,
	common.Forbidden:          http.StatusForbidden,
	common.NotFound:           http.StatusNotFound,
	common.MethodNotAllowed:   http.StatusMethodNotAllowed,
	common.Conflict:           http.StatusConflict,
	common.PreconditionFailed: http.StatusPreconditionFailed,
	common.TooLarge:           http.StatusRequestEntityTooLarge,
	common.Unprocessable:      http.StatusUnprocessableEntity,
	common.Throttled:          http.StatusTooManyRequests,
	common.Unavailable:        http.StatusServiceUnavailable,
	common.Timeout:            http.StatusGatewayTimeout,
	common.Canceled:           http.StatusServiceUnavailable, // nobody reads it
}

// Status returns the HTTP status of a kind of error.
func Status(kind common.Kind) int { return statuses[kind] }

// Problem is the body of every response that is an error, as RFC 9457 has it.
type Problem struct {
	Type      string              `json:"type"`
	Title     string              `json:"title"`
	Status    int                 `json:"status"`
	Detail    string              `json:"detail"`
	Code      common.Code         `json:"code"`
	RequestID string              `json:"requestId"`
	Errors    []common.FieldError `json:"errors,omitempty"`
	// LeftBehind names what the request created and could not roll back.
	LeftBehind []string `json:"leftBehind,omitempty"`
}

// internalDetail is what a caller reads of an error that is the server's.
const internalDetail = "the server could not do this, and the fault is not yours; its log says why, under this request's id"

// Error sends err, and keeps it for the log. It is the only place that does.
func Error(w http.ResponseWriter, r *http.Request, err error) {
	telemetry.Of(r).Err = err
	if after := common.RetryAfter(err); after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	writeProblem(w, r, ProblemOf(err))
}

// ProblemOf returns what a caller is shown of err.
func ProblemOf(err error) Problem {
	kind := common.KindOf(err)
	p := Problem{Status: Status(kind), Detail: common.Public(err), Code: common.ResponseCode(err)}
	if e, ok := errors.AsType[*common.Error](err); ok {
		p.Errors, p.LeftBehind = e.Fields, e.LeftBehind
	}
	if kind == common.Internal {
		p.Detail = internalDetail
	}
	if len(p.LeftBehind) > 0 {
		p.Detail += "; leftover: " + strings.Join(p.LeftBehind, "; ")
	}
	return p
}

// For returns p with what it needs as a response to r. What it quotes of the request is cut.
func (p Problem) For(r *http.Request) Problem {
	p.Type, p.Title, p.RequestID = "about:blank", http.StatusText(p.Status), telemetry.Of(r).ID
	p.Detail = telemetry.Shorten(p.Detail, telemetry.MaxText)
	p.Errors = slices.Clone(p.Errors)
	for i, field := range p.Errors {
		p.Errors[i] = common.FieldError{Field: telemetry.Shorten(field.Field, maxFieldText), Detail: telemetry.Shorten(field.Detail, maxFieldText)}
	}
	return p
}

// writeProblem completes p and writes it.
func writeProblem(w http.ResponseWriter, r *http.Request, p Problem) {
	body, err := json.Marshal(p.For(r))
	if err != nil { // strings and numbers always marshal
		body = []byte(`{"title":"Internal Server Error","status":500}`)
	}
	w.Header().Set("Content-Type", negotiation.Problem)
	Write(w, p.Status, append(body, '\n'))
}

// maxFieldText is how much is shown of what an error says of one field: it may quote what the caller sent.
const maxFieldText = 1024
