package idempotency

import (
	"encoding/json"
	"net/http"
	"slices"

	"ecs-api/api/negotiation"
	"ecs-api/api/respond"
	"ecs-api/common"
)

// Lasting returns a response to r as it is kept for who repeats the request, with the headers that have been set before; nil if a repetition should run
// instead: the error passes, or is the server's.
func Lasting(r *http.Request, before http.Header, status int, header http.Header, body []byte, err error) *Response {
	kept := &Response{Status: status, Header: before, Body: body}
	if err == nil {
		respond.AddHeader(kept.Header, header)
		return kept
	}
	p := respond.ProblemOf(err).For(r)
	if p.Status >= 500 || p.Status == http.StatusTooManyRequests || common.RetryAfter(err) > 0 {
		return nil
	}
	text, err := json.Marshal(p)
	if err != nil { // strings and numbers always marshal
		return nil
	}
	kept.Status, kept.Body = p.Status, slices.Concat(text, []byte("\n"))
	kept.Header.Set("Content-Type", negotiation.Problem)
	return kept
}
