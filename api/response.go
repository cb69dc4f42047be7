package api

import (
	"net/http"
	"time"

	"ecs-api/api/coalesce"
	"ecs-api/api/negotiation"
	"ecs-api/api/respond"
	"ecs-api/api/responsecache"
)

// response is what an endpoint responds with: an error, or a header and bytes, so that none of those who share it can change it for the others.
type response struct {
	status   int // 0: the endpoint's
	header   http.Header
	body     []byte
	stream   *stream // in place of a body; never shared
	err      error
	deferred bool               // the response that lasts comes later: the request continues
	began    responsecache.Mark // when a read began
	age      *time.Duration     // of one that was kept since another request; nil for a new one
}

// headerAge says how old a response is that was kept, in seconds.
const headerAge = "Age"

// sharedReads are the reads of an account that are under way.
type sharedReads = coalesce.Reads[response]

// shareable reports whether r may get the response to another caller's identical request.
func shareable(r *http.Request) bool {
	return isRead(r) && len(r.Header.Values(headerRegistry)) == 0 && !wantsStream(r)
}

// readKey is what a read asks for: all of the request that its response depends on.
func readKey(r *http.Request) string {
	key := r.URL.EscapedPath() + "?" + r.URL.RawQuery
	if negotiation.Accepted(r) == negotiation.Text {
		key += "#text" // no query holds a #
	}
	if responsecache.Demanded(r.Header) {
		key += "#new" // others may be content with less
	}
	return key
}

// send writes a response that is a success.
func (a response) send(w http.ResponseWriter, status int) {
	respond.AddHeader(w.Header(), a.header)
	if len(a.body) > 0 && w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	respond.Write(w, status, a.body)
}

// matches is an ETagMismatch if what c changes, of which show returns the state, is not in the state that c expects.
func matches[T any](c call, what string, tag func(T) string, show func() (T, error)) error {
	if !c.match.Compares() {
		return nil
	}
	found, err := show()
	if err != nil {
		return err
	}
	return c.match.Check(what, tag(found))
}
