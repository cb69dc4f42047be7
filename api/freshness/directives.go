package freshness

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Longest is how old a kept response may be at most, whatever its caller accepts.
const Longest = 60 * time.Second

// Accepted returns how old a response the caller of r accepts: 0, a new one, unless the request says otherwise. Of several ages it is the least, and what is
// no number of seconds is none (RFC 9111, sections 4.2.1 and 5.2).
func Accepted(h http.Header) time.Duration {
	lines := h["Cache-Control"]
	if len(lines) == 0 {
		return 0
	}
	age := time.Duration(-1)
	for _, line := range lines {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-cache", "no-store":
				return 0
			case "max-age":
				if accepted := seconds(value); age < 0 || accepted < age {
					age = accepted
				}
			}
		}
	}
	return max(age, 0)
}

// seconds returns the time that a max-age says, Longest at most.
func seconds(text string) time.Duration {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n > int(Longest/time.Second) { // more digits than a number has
		return Longest
	}
	return time.Duration(n) * time.Second
}
