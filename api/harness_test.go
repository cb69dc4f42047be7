package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/sirupsen/logrus"

	"ecs-api/api/openapi"
	"ecs-api/api/openapitest"
	"ecs-api/api/respond"
	"ecs-api/common"
	"ecs-api/config"
	"ecs-api/localaws"
)

// problem is the body of a response that is an error.
type problem = respond.Problem

// testToken is the token of the test server's callers.
const testToken = "a-token-for-tests"

// harness is a server in front of an AWS of its own, for tests.
type harness struct {
	*Server
	aws *localaws.AWS
	log *logBuffer
	own bool // has routes of the test's own, which the OpenAPI document does not know
}

// describedBy holds what the tests send and get against the OpenAPI document.
var describedBy = sync.OnceValues(func() (*openapitest.Validator, error) { return openapitest.NewValidator(openapi.YAML) })

// logBuffer is what the server logged.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// newHarness returns a server with one account, "local", in front of aws; its calls are not retried for long.
func newHarness(t testing.TB, aws *localaws.AWS) *harness {
	t.Helper()
	return newHarnessBehind(t, aws, aws)
}

// newHarnessBehind is newHarness with something of the test's own between the server and aws.
func newHarnessBehind(t testing.TB, aws *localaws.AWS, front http.Handler) *harness {
	t.Helper()
	return newHarnessWith(t, aws, testConfig(t, front))
}

// newHastyHarness is newHarness for tests of many calls: they do not wait for AWS's rates.
func newHastyHarness(t testing.TB, aws *localaws.AWS) *harness {
	t.Helper()
	c := testConfig(t, aws)
	c.RateLimits = noLimits()
	return newHarnessWith(t, aws, c)
}

// testConfig is the config of one account, "local", whose AWS is served by front.
func testConfig(t testing.TB, front http.Handler) *config.Config {
	t.Helper()
	server := httptest.NewServer(front)
	t.Cleanup(server.Close)
	c := config.Local([]string{localaws.SubnetA, localaws.SubnetB}, []string{localaws.SecurityGroup})
	c.Token = testToken
	local := c.Accounts["local"]
	local.Endpoint, local.DefaultKMSKeyID = server.URL, localaws.KMSKey
	c.Accounts["local"] = local
	return c
}

// noLimits lets every call to AWS through at once.
func noLimits() map[string]config.RateLimit {
	limits := map[string]config.RateLimit{}
	for bucket, limit := range common.NoLimits() {
		limits[bucket] = config.RateLimit(limit)
	}
	return limits
}

// newHarnessWith is newHarness for a config of the test's own.
func newHarnessWith(t testing.TB, aws *localaws.AWS, c *config.Config) *harness {
	t.Helper()
	return newHarnessOf(t, aws, Options{Config: c, Retry: common.RetryPolicy{Failed: 1, FailedWait: 1}, Backoff: common.Backoff{First: 10 * time.Millisecond, Most: 50 * time.Millisecond, Budget: 1}})
}

// newHarnessOf is newHarness for a server of the test's own; its version and its log are the harness's.
func newHarnessOf(t testing.TB, aws *localaws.AWS, o Options) *harness {
	t.Helper()
	h := &harness{aws: aws, log: &logBuffer{}}
	o.Log = logrus.New()
	o.Log.SetOutput(h.log)
	o.Log.SetLevel(logrus.DebugLevel)
	o.Log.SetFormatter(&logrus.JSONFormatter{})
	o.Version = Version{"v1.2.3", "abc1234", "2026-11-23T00:00:00Z"}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	h.Server = s
	return h
}

// v1 returns a router for routes that only a test needs.
func (h *harness) v1() *mux.Router {
	h.own = true
	return h.router.PathPrefix(base).Subrouter()
}

// do sends a request with the token, unless headers (name: value) say otherwise, and returns the response with its body.
func (h *harness) do(t testing.TB, method, target, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body)).WithContext(t.Context())
	r.Header.Set(headerToken, testToken)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	resp := w.Result()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	h.checkDescribed(t, r, body, resp, text)
	return resp, string(text)
}

// checkDescribed holds an exchange against the OpenAPI document.
func (h *harness) checkDescribed(t testing.TB, r *http.Request, body string, resp *http.Response, text []byte) {
	t.Helper()
	validator, err := describedBy()
	if err == nil {
		err = validator.Validate(r, []byte(strings.TrimPrefix(body, "\ufeff")), resp, text)
	}
	if err != nil && !(h.own && errors.Is(err, openapitest.ErrUndocumented)) {
		t.Errorf("not as the OpenAPI document says: %v\n%s", err, text)
	}
}

// problemOf returns the body of a response that must be an error.
func problemOf(t testing.TB, resp *http.Response, body string) problem {
	t.Helper()
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q, want application/problem+json; body %s", got, body)
	}
	var p problem
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if p.Status != resp.StatusCode || p.Title != http.StatusText(p.Status) || p.Type == "" || p.Detail == "" || p.RequestID != resp.Header.Get(headerRequestID) {
		t.Errorf("status %d and id %s do not fit %+v", resp.StatusCode, resp.Header.Get(headerRequestID), p)
	}
	return p
}
