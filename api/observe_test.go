package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ecs-api/localaws"
	"ecs-api/orchestration/diagnosis"
	"ecs-api/orchestration/observe"
)

// quickly makes the simulator's scheduler try again at once, so that a circuit breaker trips at the next request.
var quickly = localaws.WithLags(localaws.Lags{Retry: 1})

// createFrom is a service www in the cluster myclu whose container web runs an image.
func createFrom(image string) string {
	return `{"cluster":{"clustername":"myclu"},"taskdefinition":{"family":"web","cpu":"256","memory":"512","containerdefinitions":[{"name":"web","image":"` + image + `"}]},
		"service":{"servicename":"www","desiredcount":1},"tags":[{"Key":"team","Value":"blue"}]}`
}

func TestAfterTheChange(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New(quickly))
	const www = "/clusters/myclu/services/www"
	ask(t, h, []asked{
		{"create", "POST", "/services", createFrom("app:1"), 200, nil},
		{"it is up", "GET", www + "/status", "", 200, map[string]any{"State": "steady", "Deployment.Outcome": "succeeded", "Problems.#": 0, "Tasks.#": 1, "Tasks.0.Containers.0.Image": "app:1"}},
		{"a revision that fails", "PUT", www, `{"taskdefinition":{"family":"web","cpu":"256","memory":"512","containerdefinitions":[{"name":"web","image":"app:exit-3"}]}}`, 200, nil},
		{"it is rolled back", "GET", www + "/wait?timeout=300", "", 200, map[string]any{"Done": true, "Outcome": "rolled_back", "State": "steady", "Problems.0.Code": "ContainerExited", "Problems.0.Container": "web"}},
		{"why", "GET", www + "/status", "", 200, map[string]any{"State": "steady", "Summary": "1 of 1 task of web:1 running; the last deployment failed: web exits with code 3; 3 tasks failed", "Deployment.State": "rolled_back"}},
		{"its deployments", "GET", www + "/deployments", "", 200, map[string]any{"#": 2, "0.State": "rolled_back", "0.Images.web": "app:exit-3", "1.State": "completed", "1.Outcome": "succeeded"}},
		{"its revisions", "GET", www + "/revisions", "", 200, map[string]any{
			"#": 2, "0.Revision": 2, "0.Current": false, "0.Changes.#": 1, "0.Changes.0.Path": "containerDefinitions[web].image", "0.Changes.0.From": "app:1", "0.Changes.0.To": "app:exit-3", "1.Current": true, "1.Changes.#": 0,
		}},
		{"one revision", "GET", www + "/revisions?limit=1", "", 200, map[string]any{"#": 1, "0.Changes.#": 1}},
		{"all services", "GET", "/services", "", 200, map[string]any{"#": 1, "0.ServiceName": "www", "0.Cluster": "myclu", "0.State": "steady"}},
		{"by state and tag", "GET", "/services?state=STEADY&team=blue&_=1", "", 200, map[string]any{"#": 1}},
		{"of a space", "GET", "/services?space=myclu&team=blue", "", 200, map[string]any{"#": 1}},
		{"of another space", "GET", "/services?space=other", "", 200, map[string]any{"#": 0}},
		{"of another state", "GET", "/services?state=failing", "", 200, map[string]any{"#": 0}},
		{"of another tag", "GET", "/services?team=red", "", 200, map[string]any{"#": 0}},
		{"no such state", "GET", "/services?state=up", "", 400, wrong("state")},
		{"no such deployment", "GET", www + "/deployments/7", "", 404, nil},
		{"no deployment's id", "GET", www + "/deployments/x", "", 400, wrong("deployment")},
		{"waiting for none", "GET", www + "/wait?deployment=x", "", 400, wrong("deployment")},
		{"waiting too long", "GET", www + "/wait?timeout=301", "", 400, wrong("timeout")},
		{"waiting not at all", "GET", www + "/wait?timeout=0", "", 400, wrong("timeout")},
		{"no such service", "GET", "/clusters/myclu/services/none/status", "", 404, nil},
		{"no such cluster", "GET", "/clusters/none/services/www/wait", "", 404, nil},
	})
	var all []observe.Deployment
	_, body := h.do(t, http.MethodGet, base+"/local"+www+"/deployments", "")
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{escaped(all[0].Id), strings.TrimPrefix(all[0].Id, "ecs-svc/")} {
		if response, body := h.do(t, http.MethodGet, base+"/local"+www+"/deployments/"+ref, ""); response.StatusCode != http.StatusOK || !strings.Contains(body, all[0].Id) {
			t.Errorf("%s: %d %s", ref, response.StatusCode, body)
		}
	}
}

func TestWhatIsObservedIsAlsoReadAsText(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New(quickly))
	h.do(t, http.MethodPost, base+"/local/services", createFrom("app:not-found"))
	const www = "/clusters/myclu/services/www"
	for target, begins := range map[string]string{
		www + "/status":      "failing: the image of web is not there; 3 tasks failed\n0 of 1 task running, 0 pending\n\nproblems\n  ImageNotFound in container web, 3 times since ",
		www + "/wait":        "failed; the service is failing\n  ecs-svc/",
		www + "/deployments": "  ecs-svc/",
		www + "/revisions":   "web:1 (current)  registered ",
		"/services":          "  myclu/www  failing  0/1  web:1\n",
	} {
		response, body := h.do(t, http.MethodGet, base+"/local"+target, "", "Accept: text/plain")
		if got := response.Header.Get("Content-Type"); !strings.HasPrefix(body, begins) || got != "text/plain; charset=utf-8" {
			t.Errorf("%s: %s %s", target, got, body)
		}
	}
}

// TestStatusIsAStream reads the stream of a real connection: the status at once, and again when a write has changed it.
func TestStatusIsAStream(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New(quickly))
	h.do(t, http.MethodPost, base+"/local/services", createFrom("app:1"))
	server := httptest.NewServer(h.Handler())
	defer server.Close()
	for accept, want := range map[string]string{"text/event-stream": "event: status\ndata: {\"State\":\"steady\"", "text/plain": " steady 1/1 web:1 completed: 1 of 1 task of web:1 running\n"} {
		ctx, hangUp := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+base+"/local/clusters/myclu/services/www/status?follow=true", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(headerToken, testToken)
		r.Header.Set("Accept", accept)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		read := func(want string) {
			t.Helper()
			got, chunk := "", make([]byte, 4096)
			for !strings.Contains(got, want) {
				n, err := response.Body.Read(chunk)
				if got += string(chunk[:n]); err != nil {
					t.Fatalf("%v; read %q, want %q", err, got, want)
				}
			}
		}
		read(want)
		count := map[string]string{"text/event-stream": "3", "text/plain": "2"}[accept]
		h.do(t, http.MethodPut, base+"/local/clusters/myclu/services/www", `{"service":{"desiredcount":`+count+`}}`)
		read(map[string]string{"text/event-stream": `"DesiredCount":3`, "text/plain": " 2/2 "}[accept])
		hangUp()
		_ = response.Body.Close()
		h.do(t, http.MethodPut, base+"/local/clusters/myclu/services/www", `{"service":{"desiredcount":1}}`)
	}
}

func TestTheDocumentHasAllCodesStatesAndOutcomes(t *testing.T) {
	t.Parallel()
	schemas := loadOpenAPI(t).Components.Schemas
	enum := func(name, property string) []string {
		schema := schemas[name].Value
		if property != "" {
			schema = schema.Properties[property].Value
		}
		var words []string
		for _, v := range schema.Enum {
			if word, ok := v.(string); ok {
				words = append(words, word)
			}
		}
		return words
	}
	for name, pair := range map[string][2][]string{
		"codes":       {words(diagnosis.Codes()), enum("ProblemCode", "")},
		"states":      {words(diagnosis.States()), enum("ServiceState", "")},
		"outcomes":    {words(observe.Outcomes()), enum("Outcome", "")},
		"deployments": {words(observe.DeploymentStates()), enum("ServiceDeployment", "State")},
	} {
		slices.Sort(pair[0])
		slices.Sort(pair[1])
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s: -code +document\n%s", name, diff)
		}
	}
}

// words returns values as text.
func words[T ~string](values []T) []string {
	var all []string
	for _, v := range values {
		all = append(all, string(v))
	}
	return all
}

// TestAnImageForAnotherCPUIsNamed: the pull works and the program exits with 1, as any that fails does. Only its log tells.
func TestAnImageForAnotherCPUIsNamed(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New(quickly))
	ask(t, h, []asked{
		{"create", "POST", "/services", createFrom("app:exec-format"), 200, nil},
		{"why", "GET", "/clusters/myclu/services/www/status", "", 200, map[string]any{"State": "failing", "Problems.#": 1, "Problems.0.Code": "ImagePlatform", "Problems.0.Container": "web", "Problems.0.Count": 3}},
	})
	if err := h.sdk().Logs.Tag(t.Context(), "arn:aws:logs:us-east-1:123456789012:log-group:myclu", tagsOthers); err != nil {
		t.Fatal(err)
	}
	h = newHarnessWith(t, h.aws, h.config)
	ask(t, h, []asked{{"another org's log", "GET", "/clusters/myclu/services/www/status", "", 200, map[string]any{"Problems.0.Code": "ContainerExited"}}})
}
