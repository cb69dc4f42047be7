package router

import (
	"net/http"
	"strings"
	"testing"

	_ "ecs-api/racetest" // for what it does to a process of tests
)

// TestSuggestionsAreRequests: none hides a later one, also where a name in its path stands for a word of the later's, and what each suggests has the form of
// a request.
func TestSuggestionsAreRequests(t *testing.T) {
	for i, d := range suggestions {
		_, path, ok := strings.Cut(d.send, " ")
		if !ok || !strings.HasPrefix(path, "/") || d.to == "" {
			t.Errorf("%+v suggests nothing", d)
		}
		methods := strings.Fields(d.methods)
		if len(methods) == 0 {
			methods = []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete}
		}
		for _, m := range methods {
			for _, earlier := range suggestions[:i] {
				if _, hidden := earlier.fits(m, strings.Split(d.path[1:], "/")); hidden {
					t.Errorf("%s %s leads to %q, and later to %q", m, d.path, earlier.send, d.send)
				}
			}
		}
	}
}

func TestASuggestionKeepsTheMethodWhereItHasNone(t *testing.T) {
	for method, want := range map[string]string{
		http.MethodDelete: "to name a service, name its cluster too: DELETE /v1/ecs/{account}/clusters/{cluster}/services/www",
		http.MethodPost:   "to change the service, name its cluster too: PATCH /v1/ecs/{account}/clusters/{cluster}/services/www",
	} {
		r, err := http.NewRequest(method, "/v1/ecs/local/services/www", nil)
		if err != nil {
			t.Fatal(err)
		}
		want = strings.Replace(want, "{account}", "local", 1)
		if got := (&Router{base: "/v1/ecs"}).instead(r, ""); got != want {
			t.Errorf("%s: %q, want %q", method, got, want)
		}
	}
}
