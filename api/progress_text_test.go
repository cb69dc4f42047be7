package api

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"ecs-api/api/negotiation"
	"ecs-api/api/openapi"
	"ecs-api/localaws"
	"ecs-api/orchestration/saga"
)

// TestWritesOfAServiceShowPeopleTheirProgress sends each write as people with curl do who want text: lines of what it does, then how it ended.
func TestWritesOfAServiceShowPeopleTheirProgress(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New(quickly))
	const www = base + "/local/clusters/myclu/services/www"
	const text = "Accept: " + negotiation.Text
	for _, c := range []struct{ method, path, body, want string }{ // want is a pattern that all of it matches
		{"POST", base + "/local/services?wait=60", openapi.CreateExample,
			`(?s)^T create .*T create service\nT wait for the deployment\n(?:T .*\n)?service www\n  ecs-svc/\d+ completed webservers:1 \(succeeded\)\n.*$`},
		{"PATCH", www + "?wait=60", `{"DesiredCount":2}`, `^T update service\n(?:T update service: done after .*\n)?service www: webservers:1, 2 of 2 tasks running\n$`},
		{"PATCH", www, `{"DesiredCount":2}`, `^service www: webservers:1, 2 of 2 tasks running\n$`}, // it is so already
		{"PATCH", www + "?wait=60", `{"Containers":{"webserver":{"Image":"app:exit-3"}},"more":1}`,
			`(?s)^.*T update service\n.*service www\n  ecs-svc/\d+ rolled_back webservers:2\n.*rolled back to webservers:1\n.*problems\n  ContainerExited .*warnings\n  IgnoredField more: .*$`},
		{"POST", www + "/run?wait=60", `{"Command":["echo","hello"]}`, `^T start task\n(?:T .*\n)*task \w+ of webservers:1: STOPPED, exit code 0\n    Essential container in task exited\n\nlogs of webserver\nhello\n$`},
		{"DELETE", www, ``, `^T delete service\n(?:T delete service: done after .*\n)?service www: deleted, its tasks are stopping\n$`},
	} {
		resp, body := h.do(t, c.method, c.path, c.body, text)
		lines := regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ `).ReplaceAllString(body, "T ")
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" || !regexp.MustCompile(c.want).MatchString(lines) {
			t.Errorf("%s %s: %d %s\n%s", c.method, c.path, resp.StatusCode, resp.Header.Get("Content-Type"), body)
		}
	}
	_, body := h.do(t, http.MethodGet, base+"/local/operations", "", text)
	if !strings.HasPrefix(body, "succeeded: ") || strings.Count(body, "\n    id ") < 4 || strings.Contains(body, "read service") {
		t.Errorf("operations:\n%s", body)
	}
}

// TestTheResultOfAnOperationIsJSONWhoeverReadsItsProgress: the operation of a write whose caller wants text has the response as others get it.
func TestTheResultOfAnOperationIsJSONWhoeverReadsItsProgress(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	resp, _ := h.do(t, http.MethodPost, base+"/local/services", openapi.CreateExample, "Accept: text/plain", headerKey+": text")
	if op := h.ended(t, resp.Header.Get(headerFlywheel)); op.State != saga.Succeeded || !strings.Contains(string(op.Result), `"ServiceName":"www"`) {
		t.Errorf("%+v", op)
	}
	if resp, body := h.do(t, http.MethodPost, base+"/local/services", openapi.CreateExample, "Accept: text/plain", headerKey+": text"); resp.Header.Get(headerReplayed) != "true" || !strings.HasPrefix(body, "service www\n") {
		t.Errorf("repeated as text: %v %s", resp.Header, body)
	}
	if resp, body := h.do(t, http.MethodPost, base+"/local/services", openapi.CreateExample, headerKey+": text"); resp.Header.Get(headerReplayed) != "true" || !strings.HasPrefix(body, "{") {
		t.Errorf("repeated as JSON: %v %s", resp.Header, body)
	}
}

// TestWhoWantsTextAndDoesNotWaitGetsTheOperation: respond-async means not to wait, in whatever form.
func TestWhoWantsTextAndDoesNotWaitGetsTheOperation(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	resp, body := h.do(t, http.MethodPost, base+"/local/services", openapi.CreateExample, async, "Accept: text/plain")
	h.ended(t, started(t, resp, body).ID)
	resp, body = h.do(t, http.MethodPatch, base+"/local/clusters/myclu/services/www", `{"Containers":{"none":{}}}`, "Accept: text/plain")
	if problemOf(t, resp, body); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("what is wrong with a request is said before the stream begins: %d %s", resp.StatusCode, body)
	}
}

// TestADeleteCanBeWaitedFor: one request tears a service down, and says whether that has ended.
func TestADeleteCanBeWaitedFor(t *testing.T) {
	t.Parallel() // it waits more than it works
	h := newHarness(t, localaws.New(quickly))
	const www = "/clusters/myclu/services/www"
	ask(t, h, []asked{
		{"create", "POST", "/services", openapi.CreateExample, 200, nil},
		{"delete", "DELETE", www + "?recursive=true&wait=60", "", 200, map[string]any{
			"Operation.kind": "delete service", "Operation.state": "succeeded", "Operation.result": nil, "Service.ServiceName": "www", "Service.Status": "INACTIVE", "Service.RunningCount": 0,
		}},
		{"it is gone", "DELETE", www + "?recursive=true&wait=60", "", 404, nil},
		{"create another, and nothing is wrong", "POST", "/services?wait=60", createFrom("app:1"), 200, map[string]any{"Deployment.Outcome": "succeeded", "Deployment.Problems.#": 0}},
		{"delete it alone", "DELETE", www + "?wait=60", "", 200, map[string]any{"Operation": nil, "Service.Status": "INACTIVE", "Service.RunningCount": 0}},
		{"create one more", "POST", "/services", createFrom("app:1"), 200, nil},
		{"delete it alone, without a wait", "DELETE", www, "", 200, map[string]any{"Operation": nil, "Service.Status": "DRAINING"}},
		{"a wait that is too long", "DELETE", www + "?wait=301", "", 400, wrong("wait")},
	})
}
