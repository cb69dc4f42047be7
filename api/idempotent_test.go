package api

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/api/negotiation"
	"ecs-api/api/openapi"
	"ecs-api/common"
	"ecs-api/config"
	"ecs-api/localaws"
)

func TestARepeatedPOSTWithAKeyGetsTheFirstResponse(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	const key = headerKey + ": 8e03978e"
	post := func(path, body string, headers ...string) (*http.Response, string) {
		t.Helper()
		return h.do(t, http.MethodPost, base+"/local"+path, body, append(headers, key)...)
	}
	first, body := post("/services", openapi.CreateExample)
	if first.StatusCode != http.StatusOK || first.Header.Get(headerReplayed) != "" {
		t.Fatalf("%d %v %s", first.StatusCode, first.Header, body)
	}
	calls := len(h.aws.Calls())
	again, replayed := post("/services", openapi.CreateExample)
	if again.StatusCode != http.StatusOK || again.Header.Get(headerReplayed) != "true" || again.Header.Get("Content-Type") != negotiation.JSON {
		t.Errorf("%d %v", again.StatusCode, again.Header)
	}
	if diff := cmp.Diff(body, replayed); diff != "" {
		t.Error(diff)
	}
	for name, other := range map[string]func() (*http.Response, string){
		"body":  func() (*http.Response, string) { return post("/services", openapi.CreateExample+" ") },
		"path":  func() (*http.Response, string) { return post("/clusters", openapi.CreateExample) },
		"query": func() (*http.Response, string) { return post("/services?wait=1", openapi.CreateExample) },
	} {
		resp, body := other()
		if p := problemOf(t, resp, body); p.Status != 422 || p.Code != common.CodeIdempotencyKeyReused {
			t.Errorf("another %s: %+v", name, p)
		}
	}
	if n := len(h.aws.Calls()) - calls; n != 0 {
		t.Errorf("%d calls to AWS for repetitions", n)
	}
}

func TestWhichResponsesAreReplayed(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	var ran atomic.Int64
	fail := map[string]error{
		"invalid":  common.Errorf(common.BadRequest, "no"),
		"exists":   common.Coded(common.CodeServiceExists, "it is there"),
		"busy":     common.Coded(common.CodeServiceBusy, "busy"),
		"throttle": common.Errorf(common.Throttled, "slow down"),
		"broken":   common.Errorf(common.Internal, "broken"),
		"down":     common.Errorf(common.Unavailable, "down"),
	}
	h.v1().Handle("/{account}/test/{how}", handle(h.Server, http.StatusOK, func(c call, _ none) (none, error) {
		ran.Add(1)
		if c.name("how") == "panic" {
			panic("on purpose")
		}
		return none{}, fail[c.name("how")]
	})).Methods(http.MethodPost, http.MethodPut)
	for how, want := range map[string]int64{"fine": 1, "invalid": 1, "exists": 1, "busy": 3, "throttle": 3, "broken": 3, "down": 3, "panic": 3} {
		ran.Store(0)
		var bodies []string
		for range 3 {
			resp, body := h.do(t, http.MethodPost, base+"/local/test/"+how, "", headerKey+": "+how)
			bodies = append(bodies, body)
			if replayed := resp.Header.Get(headerReplayed) == "true"; replayed != (want == 1 && len(bodies) > 1) {
				t.Errorf("%s: response %d has %v", how, len(bodies), resp.Header)
			}
		}
		if ran.Load() != want || want == 1 && bodies[0] != bodies[2] {
			t.Errorf("%s ran %d times, want %d; %q", how, ran.Load(), want, bodies)
		}
	}
	ran.Store(0)
	for range 2 {
		h.do(t, http.MethodPut, base+"/local/test/fine", "", headerKey+": put")
	}
	if ran.Load() != 2 {
		t.Errorf("PUT ran %d times", ran.Load())
	}
	resp, body := h.do(t, http.MethodPost, base+"/local/test/fine", "", headerKey+": a b")
	if p := problemOf(t, resp, body); p.Status != 400 || !strings.Contains(p.Detail, headerKey) {
		t.Errorf("%+v", p)
	}
}

func TestAKeyIsInUseWhileTheFirstRequestRuns(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	began, end := make(chan struct{}), make(chan struct{})
	h.v1().Handle("/{account}/test", handle(h.Server, http.StatusOK, func(call, none) (none, error) {
		close(began)
		<-end
		return none{}, nil
	})).Methods(http.MethodPost)
	var wg sync.WaitGroup
	wg.Go(func() { h.do(t, http.MethodPost, base+"/local/test", "", headerKey+": 1") })
	<-began
	resp, body := h.do(t, http.MethodPost, base+"/local/test", "", headerKey+": 1")
	if p := problemOf(t, resp, body); p.Status != 409 || p.Code != common.CodeIdempotencyKeyInUse || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%+v, %v", p, resp.Header)
	}
	close(end)
	wg.Wait()
	if resp, _ := h.do(t, http.MethodPost, base+"/local/test", "", headerKey+": 1"); resp.Header.Get(headerReplayed) != "true" {
		t.Errorf("%v", resp.Header)
	}
}

func TestOf64RequestsWithOneKeyOneCreatesTheService(t *testing.T) {
	t.Parallel()
	h := newHastyHarness(t, localaws.New())
	var created, replayed, inUse atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			resp, body := h.do(t, http.MethodPost, base+"/local/services", openapi.CreateExample, headerKey+": one")
			switch {
			case resp.StatusCode == http.StatusOK && resp.Header.Get(headerReplayed) == "true":
				replayed.Add(1)
			case resp.StatusCode == http.StatusOK:
				created.Add(1)
			case resp.StatusCode == http.StatusConflict && strings.Contains(body, string(common.CodeIdempotencyKeyInUse)):
				inUse.Add(1)
			default:
				t.Errorf("%d %s", resp.StatusCode, body)
			}
		})
	}
	wg.Wait()
	if created.Load() != 1 || replayed.Load()+inUse.Load() != 63 {
		t.Errorf("%d created, %d replayed, %d in use", created.Load(), replayed.Load(), inUse.Load())
	}
	made := 0
	for _, call := range h.aws.Calls() {
		if call.Operation == "CreateService" && call.Service == "ecs" {
			made++
		}
	}
	if made != 1 {
		t.Errorf("ECS was asked to create %d services", made)
	}
}

func TestCallersDoNotShareKeys(t *testing.T) {
	t.Parallel()
	c := testConfig(t, localaws.New())
	c.Tokens = map[string]config.Token{"other": {Token: "other-token-of-24-characters"}}
	h := newHarnessWith(t, localaws.New(), c)
	for _, token := range []string{testToken, "other-token-of-24-characters"} {
		resp, _ := h.do(t, http.MethodPost, base+"/local/services", `{}`, headerKey+": 1", headerToken+": "+token)
		if resp.StatusCode != http.StatusBadRequest || resp.Header.Get(headerReplayed) != "" {
			t.Errorf("%d, %v", resp.StatusCode, resp.Header)
		}
	}
}
