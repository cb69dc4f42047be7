package api

import (
	"net/http"
	"strings"
)

// Headers that say what a caller prefers, and what of it the server did (RFC 7240).
const (
	headerPrefer  = "Prefer"
	headerApplied = "Preference-Applied"
)

// preference returns the value of the preference of that name, in lower case, and whether r has it. Of several the first counts. A preference
// without a value, such as respond-async, has an empty one.
func preference(r *http.Request, name string) (value string, ok bool) {
	for item := range strings.SplitSeq(strings.Join(r.Header.Values(headerPrefer), ","), ",") {
		item, _, _ = strings.Cut(item, ";") // parameters: there are none that mean something here
		given, value, _ := strings.Cut(item, "=")
		if strings.EqualFold(strings.TrimSpace(given), name) {
			return strings.ToLower(strings.Trim(strings.TrimSpace(value), `"`)), true
		}
	}
	return "", false
}

// applied tells the caller that the server did what they prefer.
func applied(h http.Header, preference string) { h.Add(headerApplied, preference) }

// prefersStrict reports whether r is to be refused if anything in its body would be ignored.
func prefersStrict(r *http.Request) bool {
	value, _ := preference(r, "handling")
	return value == "strict"
}
