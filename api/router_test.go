package api

import (
	"net/http"
	"strings"
	"testing"

	"ecs-api/localaws"
)

func TestRequestsWithoutAnAccount(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	h.v1().Handle("/{account}/things/{thing}", handle(h.Server, http.StatusCreated, func(c call, _ none) (string, error) {
		return c.name("thing"), nil
	})).Methods(http.MethodGet, http.MethodPut)

	tests := []struct {
		name           string
		method, target string
		headers        []string
		status         int
		body           string // contained in the response
		allow          string
	}{
		{"a load balancer needs no token", "GET", "/v1/ecs/ping", []string{"X-Auth-Token: "}, 200, "pong", ""},
		{"the version needs no token", "GET", "/v1/ecs/version", []string{"X-Auth-Token: "}, 200, `{"version":"v1.2.3","githash":"abc1234","buildstamp":"2026-11-23T00:00:00Z"}`, ""},
		{"the metrics need no token", "GET", "/v1/ecs/metrics", []string{"X-Auth-Token: "}, 200, `ecs_api_build_info{buildstamp="2026-11-23T00:00:00Z",githash="abc1234",version="v1.2.3"} 1`, ""},
		{"what responds to GET responds to HEAD", "HEAD", "/v1/ecs/ping", nil, 200, "", ""},
		{"a doubled slash is one", "GET", "//v1/ecs//ping", nil, 200, "pong", ""},
		{"a doubled slash in front of the account", "PUT", "/v1/ecs//local/things/a", nil, 201, `"a"`, ""},
		{"a doubled slash beside an escaped name", "PUT", "/v1/ecs//local/things/a%20b", nil, 201, `"a b"`, ""},
		{"a trailing slash is ignored", "GET", "/v1/ecs/ping/", []string{"X-Auth-Token: "}, 200, "pong", ""},
		{"two trailing slashes are ignored", "PUT", "/v1/ecs/local/things/a//", nil, 201, `"a"`, ""},
		{"a trailing slash beside an escaped one", "PUT", "/v1/ecs/local/things/a%20b/", nil, 201, `"a b"`, ""},
		{"the API's own path with a slash", "GET", "/v1/ecs/", nil, 404, "", ""},
		{"the root", "GET", "/", nil, 404, "below /v1/ecs", ""},
		{"a trailing slash does not make up a name", "GET", "/v1/ecs/local/things/", nil, 404, "nothing at this path", ""},
		{"a name is unescaped once", "GET", "/v1/ecs/local/things/a%2541", nil, 201, `"a%41"`, ""},
		{"an unknown path", "GET", "/v1/ecs/nothing", nil, 404, "nothing at this path", ""},
		{"an unknown path outside the API", "GET", "/favicon.ico", []string{"X-Auth-Token: "}, 404, "below /v1/ecs", ""},
		{"an unknown path tells nothing without a token", "GET", "/v1/ecs/nothing", []string{"X-Auth-Token: "}, 403, "X-Auth-Token", ""},
		{"the API's own path", "GET", "/v1/ecs", nil, 404, "", ""},
		{"a path that only begins alike", "GET", "/v1/ecsx", []string{"X-Auth-Token: "}, 404, "", ""},
		{"an unknown account", "GET", "/v1/ecs/other/things/a", nil, 404, `there is no account \"other\"`, ""},
		{"a wrong method", "DELETE", "/v1/ecs/local/things/a", nil, 405, "this path takes GET, HEAD, PUT", "GET, HEAD, PUT, OPTIONS"},
		{"a wrong method on a public path", "POST", "/v1/ecs/ping", []string{"X-Auth-Token: "}, 405, "", "GET, HEAD, OPTIONS"},
		{"a method nobody knows", "BREW", "/v1/ecs/ping", nil, 405, "", "GET, HEAD, OPTIONS"},
		{"a wrong token", "GET", "/v1/ecs/local/things/a", []string{"X-Auth-Token: nope"}, 403, "X-Auth-Token", ""},
		{"preflight needs no token", "OPTIONS", "/v1/ecs/local/things/a", []string{"X-Auth-Token: "}, 200, "", ""},
		{"preflight of a path that is not there", "OPTIONS", "/v1/ecs/x/y/z", []string{"X-Auth-Token: "}, 200, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := h.do(t, tt.method, tt.target, "", tt.headers...)
			if resp.StatusCode != tt.status || !strings.Contains(body, tt.body) {
				t.Errorf("%s %s returned %d %s, want %d with %s", tt.method, tt.target, resp.StatusCode, body, tt.status, tt.body)
			}
			if got := resp.Header.Get("Allow"); got != tt.allow {
				t.Errorf("Allow: %q, want %q", got, tt.allow)
			}
			if resp.StatusCode >= 400 {
				problemOf(t, resp, body)
			}
		})
	}
}
