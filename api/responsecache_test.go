package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/aws/aws-sdk-go/aws"

	"ecs-api/api/openapi"
	"ecs-api/common"
	"ecs-api/config"
	awsecs "ecs-api/ecs/sdk/ecs"
	"ecs-api/localaws"
)

// counted is an endpoint that returns how often it was asked, and one that writes.
func counted(h *harness) *atomic.Int64 {
	n := &atomic.Int64{}
	v1 := h.v1()
	v1.Handle("/{account}/counted", handle(h.Server, http.StatusOK, func(c call, _ none) (int64, error) {
		c.header.Set(headerETag, `"always"`)
		return n.Add(1), nil
	}, text("q"))).Methods(http.MethodGet)
	v1.Handle("/{account}/failing", handle(h.Server, http.StatusOK, func(call, none) (int64, error) {
		return 0, common.Errorf(common.NotFound, "there is none yet: %d", n.Add(1))
	})).Methods(http.MethodGet)
	v1.Handle("/{account}/uncacheable", handle(h.Server, http.StatusOK, func(call, none) (int64, error) { return n.Add(1), nil }, uncacheable())).Methods(http.MethodGet)
	v1.Handle("/{account}/counted", handle(h.Server, http.StatusOK, func(call, none) (none, error) { return none{}, nil })).Methods(http.MethodPut)
	v1.Handle("/{account}/dry", handle(h.Server, http.StatusOK, func(call, none) (none, error) { return none{}, nil }, flag(flagDryRun))).Methods(http.MethodPut)
	return n
}

// ask sends a request in process, with headers as "Name: value".
func (h *harness) ask(method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, base+path, nil)
	r.Header.Set(headerToken, testToken)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	return w
}

func TestACallerGetsAResponseThatIsAsOldAsTheyAccept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newInProcessHarness(t, localaws.New(), Options{})
		counted(h)
		start := time.Now()
		for _, tt := range []struct {
			at      float64 // seconds
			path    string
			headers []string
			want    string // the body; empty for 304
			age     string
		}{
			{0, "/local/counted", []string{"Cache-Control: max-age=5"}, "1", ""},
			{0, "/local/counted", []string{"Cache-Control: max-age=5"}, "1", "0"},
			{2.9, "/local/counted", []string{"Cache-Control: max-age=5"}, "1", "2"},
			{5, "/local/counted", []string{"Cache-Control: max-age=5"}, "1", "5"},
			{5.5, "/local/counted", []string{"Cache-Control: max-age=5"}, "2", ""},
			{6, "/local/counted", nil, "3", ""}, // reads are fresh
			{6, "/local/counted", []string{"Cache-Control: max-age=0"}, "4", ""},
			{6, "/local/counted", []string{"Cache-Control: max-age=no"}, "5", ""},
			{6, "/local/counted", []string{"Cache-Control: no-cache, max-age=9"}, "6", ""},
			{6, "/local/counted", []string{"Cache-Control: max-age=9"}, "2", "0"},
			{6, "/local/counted", []string{"Cache-Control: max-age=9", `If-None-Match: "always"`}, "", "0"},
			{6, "/local/counted", []string{"Cache-Control: max-age=9", `If-None-Match: "other"`}, "2", "0"},
			{6, "/local/counted", []string{"Cache-Control: max-age=9", "Accept: text/plain"}, "7", ""}, // another form
			{6, "/local/counted?q=1", []string{"Cache-Control: max-age=9"}, "8", ""},
			{6, "/local/counted", []string{"Cache-Control: max-age=9", headerRegistry + ": abc"}, "9", ""}, // what depends on more than its key
			{65.4, "/local/counted", []string{"Cache-Control: max-age=100"}, "2", "59"},
			{65.6, "/local/counted", []string{"Cache-Control: max-age=100"}, "10", ""},
			{66, "/local/uncacheable", []string{"Cache-Control: max-age=9"}, "11", ""},
			{66, "/local/uncacheable", []string{"Cache-Control: max-age=9"}, "12", ""},
		} {
			time.Sleep(time.Until(start.Add(time.Duration(tt.at * float64(time.Second)))))
			w := h.ask(http.MethodGet, tt.path, tt.headers...)
			status := http.StatusOK
			if tt.want == "" {
				status = http.StatusNotModified
			}
			if w.Code != status || strings.TrimSpace(w.Body.String()) != tt.want || w.Header().Get("Age") != tt.age || w.Header().Get("Cache-Control") != "no-store" ||
				strings.HasPrefix(tt.path, "/local/counted") && w.Header().Get(headerETag) != `"always"` {
				t.Errorf("%v s, %s %v: got %d %s %v", tt.at, tt.path, tt.headers, w.Code, w.Body, w.Header())
			}
		}
		if n := strings.Count(h.log.String(), `"kept":true`); n != 7 {
			t.Errorf("%d kept responses in the log, want 7: %s", n, h.log)
		}
		if w := h.ask(http.MethodGet, "/metrics"); !strings.Contains(w.Body.String(), "ecs_api_kept_responses_total 7\n") {
			t.Errorf("metrics: %s", w.Body)
		}
	})
}

// TestAWriteThatWaitsIsSeenMeanwhile: what a write has changed is known while it waits for the effect.
func TestAWriteThatWaitsIsSeenMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newInProcessHarness(t, localaws.New(localaws.WithLags(localaws.Lags{Provision: 20 * time.Second, Drain: 20 * time.Second})), Options{})
		const www = "/local/clusters/myclu/services/www"
		send := func(method, path, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, base+path, strings.NewReader(body))
			r.Header.Set(headerToken, testToken)
			w := httptest.NewRecorder()
			h.Handler().ServeHTTP(w, r)
			return w
		}
		if w := send(http.MethodPost, "/local/services?wait=60", openapi.CreateExample); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		for _, tt := range []struct{ method, path, body, member string }{
			{http.MethodPatch, www + "?wait=60", `{"DesiredCount":2}`, "DesiredCount"},
			{http.MethodDelete, www + "?wait=60", "", "Status"},
		} {
			shown := func() string {
				var service map[string]any
				if err := json.Unmarshal(h.ask(http.MethodGet, www, "Cache-Control: max-age=60").Body.Bytes(), &service); err != nil {
					t.Error(err)
				}
				return fmt.Sprint(service[tt.member])
			}
			before := shown()
			done := make(chan *httptest.ResponseRecorder, 1)
			go func() { done <- send(tt.method, tt.path, tt.body) }()
			time.Sleep(5 * time.Second)
			during := shown()
			select {
			case w := <-done:
				t.Errorf("%s has not waited: %d %s", tt.method, w.Code, w.Body)
			default:
				if w := <-done; w.Code != http.StatusOK || during == before {
					t.Errorf("%s: %d; %s is %q before, and %q while it waits", tt.method, w.Code, tt.member, before, during)
				}
			}
		}
	})
}

func TestErrorsAreNeverKept(t *testing.T) {
	t.Parallel()
	h := newInProcessHarness(t, localaws.New(), Options{})
	n := counted(h)
	for range 2 {
		if w := h.ask(http.MethodGet, "/local/failing", "Cache-Control: max-age=9"); w.Code != http.StatusNotFound || w.Header().Get("Age") != "" {
			t.Errorf("got %d %v", w.Code, w.Header())
		}
	}
	if n.Load() != 2 {
		t.Errorf("%d reads", n.Load())
	}
}

func TestAWriteEndsWhatIsKeptOfItsAccount(t *testing.T) {
	t.Parallel()
	h := newInProcessHarness(t, localaws.New(), Options{})
	counted(h)
	get := func() string {
		return strings.TrimSpace(h.ask(http.MethodGet, "/local/counted", "Cache-Control: max-age=60").Body.String())
	}
	for _, tt := range []struct{ method, path, want string }{
		{"", "", "1"},
		{http.MethodGet, "/local/failing", "1"}, // which counts
		{http.MethodPut, "/local/dry?dryRun=true", "1"},
		{http.MethodPut, "/local/counted", "3"},
		{http.MethodPut, "/local/dry", "4"},
		{http.MethodDelete, "/local/clusters/none", "5"}, // a write that fails may have changed something
	} {
		if tt.method != "" {
			h.ask(tt.method, tt.path)
		}
		if got := get(); got != tt.want {
			t.Errorf("after %s %s: got %s, want %s", tt.method, tt.path, got, tt.want)
		}
	}
}

func TestWhatIsKeptIsShownOnlyToTokensOfTheAccount(t *testing.T) {
	t.Parallel()
	aws := localaws.New()
	c := testConfig(t, aws)
	c.Tokens = map[string]config.Token{"other": {Token: "another-token-for-tests", Accounts: []string{}}}
	h := newHarnessWith(t, aws, c)
	h.own = true
	counted(h)
	h.ask(http.MethodGet, "/local/counted", "Cache-Control: max-age=60")
	r := httptest.NewRequest(http.MethodGet, base+"/local/counted", nil)
	r.Header.Set(headerToken, "another-token-for-tests")
	r.Header.Set("Cache-Control", "max-age=60")
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// twoServers returns two servers that share the Redis, and waits until they receive each other's messages.
func twoServers(t *testing.T, redis *miniredis.Miniredis) (a, b *harness) {
	t.Helper()
	cloud := localaws.New()
	start := func() *harness {
		c := testConfig(t, cloud)
		c.State.Redis = config.Secret("redis://" + redis.Addr())
		h := newHarnessWith(t, cloud, c)
		h.own = true
		counted(h)
		return h
	}
	a, b = start(), start()
	for _, h := range []*harness{a, b} {
		eventually(t, h.keeps)
	}
	return a, b
}

// keeps reports whether the server keeps responses.
func (h *harness) keeps() bool {
	h.ask(http.MethodGet, "/local/counted?q=keeps", "Cache-Control: max-age=60")
	return h.ask(http.MethodGet, "/local/counted?q=keeps", "Cache-Control: max-age=60").Header().Get("Age") != ""
}

func TestAWriteOnOneServerEndsWhatAnotherKeeps(t *testing.T) {
	t.Parallel()
	a, b := twoServers(t, miniredis.RunT(t))
	get := func() *httptest.ResponseRecorder {
		return b.ask(http.MethodGet, "/local/counted", "Cache-Control: max-age=60")
	}
	before := get().Body.String()
	if again := get(); again.Body.String() != before || again.Header().Get("Age") == "" {
		t.Fatalf("nothing is kept: %s, %v", again.Body, again.Header())
	}
	if w := a.ask(http.MethodPut, "/local/counted"); w.Code != http.StatusOK {
		t.Fatalf("write: %d %s", w.Code, w.Body)
	}
	eventually(t, func() bool { return get().Body.String() != before })
}

func TestNothingIsKeptWhileRedisIsDown(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	a, b := twoServers(t, redis)
	before := b.ask(http.MethodGet, "/local/counted", "Cache-Control: max-age=60").Body.String()
	redis.Close()
	eventually(t, func() bool { return !b.keeps() })
	if w := a.ask(http.MethodPut, "/local/counted"); w.Code != http.StatusOK { // nobody hears of it
		t.Errorf("write: %d %s", w.Code, w.Body)
	}
	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, b.keeps)
	if got := b.ask(http.MethodGet, "/local/counted", "Cache-Control: max-age=60").Body.String(); got == before {
		t.Errorf("got %s of before: a write was missed since", got)
	}
}

func TestARevisionThatOneServerDeregistersIsInactiveOnAnother(t *testing.T) {
	t.Parallel()
	a, b := twoServers(t, miniredis.RunT(t))
	ctx := t.Context()
	revision := localRevision(t, a)
	status := func(h *harness) string {
		out, err := h.Server.accounts["local"].AWS.RevisionCache.Revision(ctx, revision)
		if err != nil {
			t.Fatal(err)
		}
		return *out.TaskDefinition.Status
	}
	if got := status(a) + " " + status(b); got != "ACTIVE ACTIVE" {
		t.Fatal(got)
	}
	if w := a.ask(http.MethodDelete, "/local/taskdefs/web:1"); w.Code != http.StatusOK {
		t.Fatalf("deregister: %d %s", w.Code, w.Body)
	}
	if got := status(a); got != "INACTIVE" {
		t.Errorf("it is %s on the server that deregistered it", got)
	}
	eventually(t, func() bool { return status(b) == "INACTIVE" })
}

// localRevision registers web:1, and returns its ARN.
func localRevision(t *testing.T, h *harness) string {
	t.Helper()
	out, err := h.Server.accounts["local"].AWS.ECS.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"), Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: aws.String("awsvpc"), RequiresCompatibilities: aws.StringSlice([]string{"FARGATE"}),
		ContainerDefinitions: []*awsecs.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("nginx:alpine")}},
		Tags:                 []*awsecs.Tag{{Key: aws.String(common.TagOrg), Value: aws.String(h.Server.accounts["local"].AWS.Org)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.TaskDefinition.TaskDefinitionArn
}
