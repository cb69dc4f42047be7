package api

import (
	"net/http"
	"strings"
	"testing"

	"ecs-api/localaws"
)

func TestRunOfAService(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New(quickly))
	const www = "/clusters/myclu/services/www"
	ask(t, h, []asked{
		{"create", "POST", "/services", createFrom("app:1"), 200, nil},
		{"a revision that fails", "PUT", www, `{"taskdefinition":{"family":"web","cpu":"256","memory":"512","containerdefinitions":[{"name":"web","image":"app:exit-3"}]}}`, 200, nil},
		{"it is rolled back", "GET", www + "/wait?timeout=300", "", 200, map[string]any{"Outcome": "rolled_back"}},
		{"a command that fails", "POST", www + "/run?wait=60", `{"Command":["sh","-c","echo one; echo two; exit 4"],"Environment":{"A":"b"},"Timeout":60}`, 200, map[string]any{
			"State": "STOPPED", "ExitCode": 4, "Container": "web", "TimedOut": false, "Containers.#": 1, "Containers.0.Image": "app:1", "Logs.#": 2, "Logs.1.Message": "two", "Warnings.#": 0,
		}},
		{"a larger one", "POST", www + "/run?wait=60", `{"Command":["true"],"Cpu":512,"Memory":"2048","Container":"web"}`, 200, map[string]any{"ExitCode": 0}},
		{"without waiting", "POST", www + "/run", `{"Command":["sleep","600"]}`, 200, map[string]any{"ExitCode": nil, "Logs.#": 0}},
		{"no command", "POST", www + "/run", `{}`, 400, wrong("Command")},
		{"no such container", "POST", www + "/run", `{"Command":["true"],"Container":"db"}`, 400, wrong("Container")},
		{"no size of Fargate's", "POST", www + "/run", `{"Command":["true"],"Cpu":"256","Memory":"700"}`, 400, wrong("Cpu")},
		{"too long", "POST", www + "/run", `{"Command":["true"],"Timeout":86401}`, 400, wrong("Timeout")},
		{"too much", "POST", www + "/run", `{"Command":["` + strings.Repeat("x", 9000) + `"]}`, 400, wrong("Command")},
		{"no such service", "POST", "/clusters/myclu/services/none/run", `{"Command":["true"]}`, 404, nil},
		{"turned off", "PUT", www + "/power", `{"state":"stop"}`, 200, nil},
		{"one that is off", "POST", www + "/run", `{"Command":["true"]}`, 200, nil},
	})
	response, _ := h.do(t, http.MethodPut, base+"/local"+www+"/power", `{"state":"start"}`)
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.StatusCode)
	}
	response, _ = h.do(t, http.MethodPost, base+"/local"+www+"/run?wait=30", `{"Command":["true"]}`)
	operation := response.Header.Get("Operation-Location")
	if response, body := h.do(t, http.MethodGet, operation, ""); response.StatusCode != http.StatusOK || !strings.Contains(body, `"kind":"run task"`) || !strings.Contains(body, `"state":"succeeded"`) {
		t.Errorf("%s: %d %s", operation, response.StatusCode, body)
	}
}

// TestARollbackNeedsNoBody posts it as curl -X POST does.
func TestARollbackNeedsNoBody(t *testing.T) {
	t.Parallel()
	ask(t, newHarness(t, localaws.New(quickly)), []asked{
		{"create", "POST", "/services", createFrom("app:1"), 200, nil},
		{"rollback", "POST", "/clusters/myclu/services/www/rollback", "", 409, map[string]any{"code": "NothingToRollBackTo"}},
	})
}
