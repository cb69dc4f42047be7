package negotiation

import (
	"net/http"
	"strings"
)

// Headers that say what a caller prefers, and what of it the server did (RFC 7240).
const (
	HeaderPrefer  = "Prefer"
	HeaderApplied = "Preference-Applied"
)

// Preference returns the value of the preference of that name, in lower case, and whether r has it. Of several the first counts. A preference
// without a value, such as respond-async, has an empty one.
func Preference(r *http.Request, name string) (value string, ok bool) {
	for item := range strings.SplitSeq(strings.Join(r.Header.Values(HeaderPrefer), ","), ",") {
		item, _, _ = strings.Cut(item, ";") // parameters: there are none that mean something here
		given, value, _ := strings.Cut(item, "=")
		if strings.EqualFold(strings.TrimSpace(given), name) {
			return strings.ToLower(strings.Trim(strings.TrimSpace(value), `"`)), true
		}
	}
	return "", false
}

// Apply says in the response that the server did what the caller prefers.
func Apply(h http.Header, preference string) { h.Add(HeaderApplied, preference) }

// PrefersStrict reports whether r is to be refused if anything in its body would be ignored.
func PrefersStrict(r *http.Request) bool {
	value, _ := Preference(r, "handling")
	return value == "strict"
}

// PrefersAsync reports whether the caller of r does not want to wait.
func PrefersAsync(r *http.Request) bool {
	_, async := Preference(r, "respond-async")
	return async
}
