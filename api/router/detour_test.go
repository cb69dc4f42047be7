package router

import (
	"net/http"
	"strings"
	"testing"
)

// TestDetoursLeadToARequest: no detour hides a later one, and what it advises has the form of a request.
func TestDetoursLeadToARequest(t *testing.T) {
	seen := map[string]string{}
	for _, d := range detours {
		method, path, ok := strings.Cut(d.send, " ")
		if !ok || method == "" || !strings.HasPrefix(path, "/") || d.to == "" {
			t.Errorf("%+v advises nothing", d)
		}
		methods := strings.Fields(d.methods)
		if len(methods) == 0 {
			methods = []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete}
		}
		for _, m := range methods {
			if earlier, hidden := seen[m+" "+d.path]; hidden {
				t.Errorf("%s %s leads to %q, and later to %q", m, d.path, earlier, d.send)
			}
			seen[m+" "+d.path] = d.send
		}
	}
}
