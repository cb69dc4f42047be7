package api

import (
	"net/http"
	"strconv"
	"strings"
)

// The media types of responses.
const (
	mediaJSON    = "application/json"
	mediaProblem = "application/problem+json"
	mediaEvents  = "text/event-stream"
	mediaText    = "text/plain"
)

// accepted returns which of the media types the caller of r asks for by name, the one with the greatest weight and of these the first named;
// JSON if they name none.
func accepted(r *http.Request) string {
	best, weight := mediaJSON, 0.0
	for _, header := range r.Header.Values("Accept") {
		for item := range strings.SplitSeq(header, ",") {
			media, rest, _ := strings.Cut(item, ";")
			switch media = strings.ToLower(strings.TrimSpace(media)); media {
			case mediaJSON, mediaEvents, mediaText:
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
