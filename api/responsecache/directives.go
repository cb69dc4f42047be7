package responsecache

import (
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Longest is how old a cached response may be at most, whatever its caller accepts.
const Longest = 60 * time.Second

// Accepted returns how old a response the caller of r accepts: 0, a new one, unless the request says otherwise. Of several ages it is the least, and what is
// no number of seconds is none (RFC 9111, sections 4.2.1 and 5.2).
func Accepted(h http.Header) time.Duration {
	age := time.Duration(-1)
	for name, value := range directives(h) {
		switch name {
		case "no-cache", "no-store":
			return 0
		case "max-age":
			if accepted := seconds(value); age < 0 || accepted < age {
				age = accepted
			}
		}
	}
	return max(age, 0)
}

// Demanded reports whether the caller wants everything read anew: no-cache, or no-store.
func Demanded(h http.Header) bool {
	for name := range directives(h) {
		if name == "no-cache" || name == "no-store" {
			return true
		}
	}
	return false
}

// directives returns those of Cache-Control, with their values.
func directives(h http.Header) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for _, line := range h["Cache-Control"] {
			for directive := range strings.SplitSeq(line, ",") {
				name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
				if !yield(strings.ToLower(name), value) {
					return
				}
			}
		}
	}
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
