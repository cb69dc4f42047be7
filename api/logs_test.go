package api

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ecs-api/localaws"
	"ecs-api/orchestration/logs"
)

// logPage reads a page of lines.
func logPage(t *testing.T, h *harness, target string) logs.Page {
	t.Helper()
	response, body := h.do(t, http.MethodGet, base+"/local"+target, "")
	var page logs.Page
	if err := json.Unmarshal([]byte(body), &page); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s", target, response.StatusCode, body)
	}
	return page
}

func TestTheLogsOfAServiceAndOfATask(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New(quickly))
	const www = "/clusters/myclu/services/www"
	h.do(t, http.MethodPost, base+"/local/services", createFrom("app:1"))
	page := logPage(t, h, www+"/logs?limit=1")
	if len(page.Events) != 1 || page.Events[0].Message != "starting web from app:1" || page.Events[0].Container != "web" || page.Next == nil {
		t.Fatalf("got %+v", page)
	}
	task := page.Events[0].Task
	rest := logPage(t, h, www+"/logs?limit=10&next="+*page.Next)
	if len(rest.Events) == 0 || rest.Events[0].Message != "web is ready" || rest.Next != nil {
		t.Errorf("the next page: %+v", rest)
	}
	h.do(t, http.MethodPut, base+"/local"+www, `{"taskdefinition":{"family":"web","cpu":"256","memory":"512","containerdefinitions":[{"name":"web","image":"app:exit-3"}]}}`)
	ask(t, h, []asked{
		{"by pattern", "GET", www + "/logs?filter=exiting", "", 200, map[string]any{"Events.#": 3, "Events.0.Message": "cannot go on: exiting with code 3", "Next": nil}},
		{"of stopped tasks", "GET", www + "/logs?previous=true&limit=1", "", 200, map[string]any{"Events.#": 1, "Events.0.Message": "starting web from app:exit-3"}},
		{"since later", "GET", www + "/logs?since=2099-01-01T00:00:00Z", "", 200, map[string]any{"Events.#": 0}},
		{"until before", "GET", www + "/logs?since=2h&until=1h", "", 200, map[string]any{"Events.#": 0}},
		{"of one container", "GET", www + "/logs?container=web&since=3d", "", 200, nil},
		{"of none", "GET", www + "/logs?container=none", "", 404, nil},
		{"of no service", "GET", "/clusters/myclu/services/none/logs", "", 404, nil},
		{"of a task", "GET", "/clusters/myclu/tasks/" + task + "/logs", "", 200, map[string]any{"Events.0.Task": task, "Events.0.Message": "starting web from app:1"}},
		{"of no task", "GET", "/clusters/myclu/tasks/0123456789abcdef0123456789abcdef/logs", "", 404, nil},
		{"of a task as CloudWatch Logs pages it", "GET", www + "/logs?container=web&limit=1&task=" + task, "", 200, map[string]any{"Events.#": 1, "Events.0.Message": "starting web from app:1"}},
		{"a task without its container", "GET", www + "/logs?task=" + task, "", 400, wrong("container")},
		{"both forms", "GET", www + "/logs?since=1h&container=web&task=" + task, "", 400, wrong("since")},
		{"the other form", "GET", www + "/logs?seq=f", "", 400, wrong("seq")},
		{"no time", "GET", www + "/logs?since=yesterday", "", 400, wrong("since")},
		{"the wrong way round", "GET", www + "/logs?since=1h&until=2h", "", 400, wrong("until")},
		{"no token", "GET", www + "/logs?next=x", "", 400, wrong("next")},
		{"too long a pattern", "GET", www + "/logs?filter=" + strings.Repeat("x", 1025), "", 400, wrong("filter")},
		{"a bad pattern", "GET", www + "/logs?filter=%22open", "", 400, nil},
		{"following the past", "GET", www + "/logs?follow=true&previous=true", "", 400, wrong("previous")},
	})
	response, body := h.do(t, http.MethodGet, base+"/local"+www+"/logs?filter=exiting&limit=2", "", "Accept: text/plain")
	if want := strings.Repeat("cannot go on: exiting with code 3\n", 2); body != want || response.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("as text: %q", body)
	}
}

// TestTheLogsOfAOneOffTask is case 26 of the collection of requests that went wrong.
func TestTheLogsOfAOneOffTask(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New(quickly))
	h.do(t, http.MethodPost, base+"/local/services", createFrom("app:1"))
	var out struct {
		Tasks []struct{ TaskArn string }
	}
	response, body := h.do(t, http.MethodPost, base+"/local/clusters/myclu/tasks", `{"taskDefinition":"web","overrides":{"containerOverrides":[{"name":"web","command":["sh","-c","echo migrated"]}]}}`)
	if err := json.Unmarshal([]byte(body), &out); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", response.StatusCode, body)
	}
	page := logPage(t, h, "/clusters/myclu/tasks/"+escaped(out.Tasks[0].TaskArn)+"/logs")
	if len(page.Events) == 0 || page.Events[len(page.Events)-1].Message != "migrated" {
		t.Errorf("got %+v", page)
	}
}

// TestNoLinesOfAnotherOrg is case 8: the group that a task definition names may be another org's.
func TestNoLinesOfAnotherOrg(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New(quickly))
	h.do(t, http.MethodPost, base+"/local/services", createFrom("app:1"))
	const www = "/clusters/myclu/services/www"
	task := logPage(t, h, www+"/logs").Events[0].Task
	if err := h.sdk().Logs.Tag(t.Context(), "arn:aws:logs:us-east-1:123456789012:log-group:myclu", tagsOthers); err != nil {
		t.Fatal(err)
	}
	h = newHarnessWith(t, h.aws, h.config) // which remembers no owner
	ask(t, h, []asked{
		{"of a service", "GET", www + "/logs", "", 200, map[string]any{"Events.#": 0, "Next": nil}},
		{"of a task", "GET", "/clusters/myclu/tasks/" + task + "/logs", "", 200, map[string]any{"Events.#": 0}},
		{"of a task of a service", "GET", www + "/logs?container=web&task=" + task, "", 200, map[string]any{"Events.#": 0}},
		{"of a task that ECS has forgotten", "GET", www + "/logs?container=web&task=0123456789abcdef0123456789abcdef", "", 404, nil},
	})
}

// TestLogsAreAStream follows a service over a real connection, and continues after the last line with another one.
func TestLogsAreAStream(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New(quickly))
	h.do(t, http.MethodPost, base+"/local/services", createFrom("app:1"))
	server := httptest.NewServer(h.Handler())
	defer server.Close()
	read := func(lastID string) (id, message string) {
		ctx, hangUp := context.WithTimeout(t.Context(), time.Minute)
		defer hangUp()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+base+"/local/clusters/myclu/services/www/logs?since=1h", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(headerToken, testToken)
		r.Header.Set("Accept", "text/event-stream")
		r.Header.Set("Last-Event-ID", lastID)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			if v, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				id = v
			}
			if v, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var e logs.Event
				if err := json.Unmarshal([]byte(v), &e); err != nil {
					t.Fatal(err)
				}
				return id, e.Message
			}
		}
		t.Fatal("the stream ends without a line")
		return "", ""
	}
	id, first := read("")
	_, second := read(id)
	if first != "starting web from app:1" || second != "web is ready" {
		t.Errorf("got %q, then %q", first, second)
	}
	response, body := h.do(t, http.MethodGet, base+"/local/clusters/myclu/services/www/logs", "", "Accept: text/event-stream", "Last-Event-ID: x")
	if p := problemOf(t, response, body); p.Status != http.StatusBadRequest {
		t.Errorf("%+v", p)
	}
}
