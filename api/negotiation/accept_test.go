package negotiation

import (
	"net/http"
	"net/http/httptest"
	"testing"

	_ "ecs-api/racetest" // for what it does to a process of tests
)

func TestTheMediaTypeThatIsAcceptedMost(t *testing.T) {
	for accept, want := range map[string]string{
		"":                                  JSON,
		"*/*":                               JSON,
		"text/html, */*;q=0.8":              JSON,
		"text/plain":                        Text,
		"TEXT/Plain;charset=utf-8":          Text,
		"text/event-stream":                 Events,
		"application/json, text/plain, */*": JSON, // what axios sends
		"text/plain, application/json":      Text,
		"text/plain;q=0.5, application/json;q=0.9": JSON,
		"text/plain;q=0":   JSON,
		"text/plain;q=x":   JSON,
		"text/plain;q=NaN": JSON,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept", accept)
		if got := Accepted(r); got != want {
			t.Errorf("Accept: %s gets %s, want %s", accept, got, want)
		}
	}
}
