package api

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ecs-api/localaws"
)

func TestRequestsHaveIDs(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	made := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	tests := []struct {
		name, sent string
		kept       bool
	}{
		{"none", "", false},
		{"a sane one", "1-5f0c:a.b_c", true},
		{"a sane one of a tracer", "1-67891233-abcdef012345678912345678", true},
		{"with a line break", "a\nb", false},
		{"with what a terminal obeys", "a\x1b[2J", false},
		{"with quotes", `a","status":200,"x":"`, false},
		{"too long", strings.Repeat("a", 129), false},
		{"as long as may be", strings.Repeat("a", 128), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, _ := h.do(t, http.MethodGet, "/v1/ecs/ping", "", headerRequestID+": "+tt.sent)
			got := resp.Header.Get(headerRequestID)
			if tt.kept && got != tt.sent || !tt.kept && !made.MatchString(got) {
				t.Errorf("sent %q, got %q", tt.sent, got)
			}
		})
	}
}

func TestEveryRequestIsOneLineInTheLog(t *testing.T) {
	t.Parallel() // it waits more than it works
	h := newHarness(t, localaws.New())
	h.v1().Handle("/{account}/who", handle(h.Server, http.StatusOK, func(c call, _ none) (string, error) {
		id, err := c.account.AWS.STS.Identity(c.Context())
		return id.Account, err
	}, text("value"))).Methods(http.MethodPost)

	tests := []struct {
		name, method, target, body string
		headers                    []string
		want                       map[string]any
	}{
		{
			"a call to AWS", "POST", "/v1/ecs/local/who?value=s3cret-value", `{"SecretString": "s3cret-value"}`, nil,
			map[string]any{"method": "POST", "path": "/v1/ecs/local/who", "route": "/v1/ecs/{account}/who", "status": 200.0, "caller": "default", "account": "local", "awsCalls": 1.0, "level": "info", "bytes": 15.0},
		},
		{
			"a name that would forge a line", "GET", "/v1/ecs/local/a%0Alevel=error%22%7D", "", nil,
			map[string]any{"method": "GET", "path": "/v1/ecs/local/a%0Alevel=error%22%7D", "route": "none", "status": 404.0, "caller": "default", "awsCalls": 0.0, "level": "info", "error": "there is nothing at this path; the API is below /v1/ecs"},
		},
		{
			"a made-up method and a wrong token", "BREW", "/v1/ecs/local/who", "", []string{"X-Auth-Token: s3cret-value"},
			map[string]any{"method": "other", "path": "/v1/ecs/local/who", "route": "none", "status": 403.0, "awsCalls": 0.0, "level": "info", "error": "the token in the header X-Auth-Token is not one that the server knows: send one of its config, or a bcrypt hash of one, of cost 12 at most"},
		},
		{
			"a long path", "GET", "/v1/ecs/" + strings.Repeat("a", 5000), "", nil,
			map[string]any{"method": "GET", "path": "/v1/ecs/" + strings.Repeat("a", 504), "route": "none", "status": 404.0, "caller": "default", "awsCalls": 0.0, "level": "info", "error": "there is nothing at this path; the API is below /v1/ecs"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(h.log.String())
			resp, _ := h.do(t, tt.method, tt.target, tt.body, append(tt.headers, headerRequestID+": id-1")...)
			logged := h.log.String()[before:]
			if strings.Count(logged, "\n") != 1 {
				t.Fatalf("logged %q, want one line", logged)
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(logged), &got); err != nil {
				t.Fatal(err)
			}
			tt.want["requestId"], tt.want["msg"] = "id-1", "request"
			ignored := []string{"time", "durationMs"}
			if tt.want["bytes"] == nil {
				ignored = append(ignored, "bytes")
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreMapEntries(func(k string, _ any) bool {
				for _, i := range ignored {
					if i == k {
						return true
					}
				}
				return false
			})); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(logged, "s3cret") || strings.Contains(logged, testToken) {
				t.Errorf("a value or a token is in the log: %s", logged)
			}
			if timed := resp.Header.Get("Server-Timing") != ""; timed != (got["awsCalls"] != 0.0) {
				t.Errorf("Server-Timing %q with %v calls", resp.Header.Get("Server-Timing"), got["awsCalls"])
			}
		})
	}
}

func TestHeadersForBrowsers(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	always := map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
	tests := []struct {
		name, method, path string
		want               map[string]string
	}{
		{"a path that is refused", "GET", "/v1/ecs/local/clusters/%2e%2e", map[string]string{"Access-Control-Allow-Origin": "*"}},
		{"preflight", "OPTIONS", "/v1/ecs/local/services", map[string]string{
			"Access-Control-Allow-Origin":  "*",
			"Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
			"Access-Control-Allow-Headers": "X-Auth-Token, Content-Type, X-Request-Id, X-Registry-Auth, Prefer, Idempotency-Key, Last-Event-ID, If-Match, If-None-Match, Cache-Control, traceparent, tracestate",
		}},
		{"a response", "GET", "/v1/ecs/ping", map[string]string{
			"Access-Control-Allow-Origin":   "*",
			"Access-Control-Expose-Headers": "X-Request-Id, Location, Operation-Location, X-Flywheel-Task, Idempotent-Replayed, Age, Retry-After, Server-Timing, X-Ignored-Fields, Preference-Applied, ETag",
		}},
		{"an error", "GET", "/v1/ecs/nothing", map[string]string{"Access-Control-Allow-Origin": "*"}},
		{"what is not the API", "GET", "/", map[string]string{"Access-Control-Allow-Origin": ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, _ := h.do(t, tt.method, tt.path, "", "Origin: https://ui.example.com")
			for _, headers := range []map[string]string{always, tt.want} {
				for name, want := range headers {
					if got := resp.Header.Get(name); got != want {
						t.Errorf("%s: %q, want %q", name, got, want)
					}
				}
			}
		})
	}
}

func TestPathsThatLeadElsewhere(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	for _, path := range []string{
		"/v1/ecs/../ping", "/v1/ecs/./ping", "/v1/ecs/ping/..", "/v1/ecs/%2e%2e/ping", "/v1/ecs/%2E/ping", "/v1/ecs/.%2e/ping", "/v1/ecs//..//ping", "/../../etc/passwd",
	} {
		resp, body := h.do(t, http.MethodGet, path, "", headerToken+": ")
		if p := problemOf(t, resp, body); p.Status != http.StatusBadRequest {
			t.Errorf("%s returned %s", path, body)
		}
	}
}
