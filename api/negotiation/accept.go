// Package negotiation reads from a request's headers how its caller wants it served: the media type (Accept), what they prefer (Prefer) and on which
// condition (If-Match, If-None-Match).
package negotiation

import (
	"net/http"
	"strconv"
	"strings"
)

// The media types of responses.
const (
	JSON    = "application/json"
	Problem = "application/problem+json"
	Events  = "text/event-stream"
	Text    = "text/plain"
)

// Accepted returns which of the media types the caller of r names, the one with the greatest weight and of these the first; JSON if they name none.
func Accepted(r *http.Request) string {
	best, weight := JSON, 0.0
	for _, header := range r.Header.Values("Accept") {
		for item := range strings.SplitSeq(header, ",") {
			media, rest, _ := strings.Cut(item, ";")
			switch media = strings.ToLower(strings.TrimSpace(media)); media {
			case JSON, Events, Text:
				if q := quality(rest); q > weight {
					best, weight = media, q
				}
			}
		}
	}
	return best
}

// quality returns the weight in a media range's parameters: 1 unless q says otherwise.
func quality(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		if value, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(param)), "q="); ok {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil || !(q >= 0 && q <= 1) {
				return 0
			}
			return q
		}
	}
	return 1
}
