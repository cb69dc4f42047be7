package negotiation

import (
	"net/http"
	"testing"
)

func TestPreferences(t *testing.T) {
	for header, want := range map[string]string{
		"handling=strict":                          "strict",
		` Handling = "Strict" ; x=y `:              "strict",
		"respond-async, wait=5,handling=lenient":   "lenient",
		"handling=strict, handling=lenient":        "strict",
		"handling":                                 "",
		"handling=":                                "",
		`foo="a, handling=no; b", handling=strict`: "strict",
		`foo="\", handling=no", handling=strict`:   "strict",
		`foo; x="1, 2", handling=strict`:           "strict",
		`,, handling=strict`:                       "strict",
	} {
		r, _ := http.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Prefer", header)
		if got, ok := Preference(r, "handling"); got != want || !ok {
			t.Errorf("%s: %q, %v", header, got, ok)
		}
		if PrefersStrict(r) != (want == "strict") {
			t.Errorf("%s: strict %v", header, PrefersStrict(r))
		}
	}
	for _, header := range []string{`foo="a, respond-async, b"`, `foo="respond-async`, `foo; respond-async`} {
		r, _ := http.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Prefer", header)
		if PrefersAsync(r) {
			t.Errorf("%s prefers respond-async", header)
		}
	}
	if _, ok := Preference(&http.Request{}, "handling"); ok {
		t.Error("a preference that was not given")
	}
}
