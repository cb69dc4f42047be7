package e2e

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"ecs-api/localaws"
)

// TestFleetShowsOperationsOnEveryServer deletes a service through one server, and follows that through the other.
func TestFleetShowsOperationsOnEveryServer(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2, localaws.WithLags(localaws.Lags{Drain: 500 * time.Millisecond}))
	a, b := f.servers[0], f.servers[1]
	if status, body, _ := a.ask(t, http.MethodPost, "/local/services", crashService); status != http.StatusOK {
		t.Fatalf("create: %d %s", status, body)
	}
	status, body, header := a.ask(t, http.MethodDelete, crashPath+"?recursive=true", "")
	if status != http.StatusOK {
		t.Fatalf("delete: %d %s", status, body)
	}
	operation := strings.TrimPrefix(header.Get("Operation-Location"), "/v1/ecs")
	for _, s := range f.servers { // while it waits in the queue, and while it runs
		status, body, header := s.ask(t, http.MethodPost, "/local/services", crashService)
		if status != http.StatusConflict || !strings.Contains(body, "ServiceBusy") || header.Get("Retry-After") == "" || !strings.Contains(body, operation[strings.LastIndex(operation, "/")+1:]) {
			t.Errorf("a create meanwhile: %d %v %s", status, header, body)
		}
		status, body, header = s.ask(t, http.MethodDelete, crashPath+"?recursive=true", "")
		if status != http.StatusOK || !strings.HasSuffix(header.Get("Operation-Location"), operation) {
			t.Errorf("the same request: %d %v %s", status, header, body)
		}
	}
	status, body, _ = b.ask(t, http.MethodGet, operation, "")
	if status != http.StatusOK || stateOf(t, body) != "running" {
		t.Errorf("meanwhile: %d %s", status, body)
	}
	// curl follows it through the other server, and hangs up when it has the result.
	curl := exec.CommandContext(t.Context(), "curl", "-sSN", "--max-time", "60", "-H", "X-Auth-Token: "+token, "-H", "Accept: text/event-stream", b.url+operation)
	stream := must(curl.Output())(t)
	if text := string(stream); !strings.Contains(text, "event: step\n") || !strings.Contains(text, "event: result\ndata: {") || strings.Contains(text, "event: error") {
		t.Errorf("streamed: %s", text)
	}
	for _, s := range f.servers {
		if status, body, _ := s.ask(t, http.MethodGet, "/local/operations?target=myclu/www&state=succeeded", ""); status != http.StatusOK || strings.Count(body, `"kind":"delete service"`) != 1 {
			t.Errorf("listed: %d %s", status, body)
		}
	}
	status, body, _ = b.ask(t, http.MethodGet, operation+"?wait=60", "")
	if status != http.StatusOK || stateOf(t, body) != "succeeded" || !strings.Contains(body, `"ServiceName":"www"`) || !strings.Contains(body, "wait until the tasks have stopped") {
		t.Errorf("in the end: %d %s", status, body)
	}
	onlyLogs(t, f.aws, "in the end")
}
