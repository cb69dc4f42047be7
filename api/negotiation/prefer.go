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
	for _, header := range r.Header.Values(HeaderPrefer) {
		for len(header) > 0 {
			var item string
			item, header = cutUnquoted(header, ',')
			item, _ = cutUnquoted(item, ';') // parameters: there are none that mean something here
			given, value, _ := strings.Cut(item, "=")
			if strings.EqualFold(strings.TrimSpace(given), name) {
				return strings.ToLower(strings.Trim(strings.TrimSpace(value), `"`)), true
			}
		}
	}
	return "", false
}

// cutUnquoted returns what is before and after the first separator that is not in a quoted string.
func cutUnquoted(s string, separator byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++ // whatever is escaped ends nothing
		case s[i] == '"':
			quoted = !quoted
		case s[i] == separator && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
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

// WantsProgress reports whether the caller of r wants an operation in place of the response, or its progress and then the response.
func WantsProgress(r *http.Request) bool { return PrefersAsync(r) || ShowsProgress(r) }

// ShowsProgress reports whether the response to a write is a stream of its progress: for programs that ask for events, and for people who want text
// and wait.
func ShowsProgress(r *http.Request) bool {
	switch Accepted(r) {
	case Events:
		return true
	case Text:
		return !PrefersAsync(r)
	}
	return false
}
