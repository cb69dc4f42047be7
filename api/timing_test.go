package api

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"ecs-api/api/openapi"
	"ecs-api/localaws"
)

// timings matches a Server-Timing header of ours.
var timings = regexp.MustCompile(`^total;dur=\d+\.\d, aws;desc="\d+ calls"(, [A-Za-z0-9_.-]{1,48};dur=\d+\.\d)*$`)

func TestWritesAreTimedByStep(t *testing.T) {
	t.Parallel()
	h := newHarness(t, localaws.New())
	const service = "/v1/ecs/local/clusters/myclu/services/www"
	for _, tt := range []struct{ method, target, body, step string }{
		{http.MethodPost, "/v1/ecs/local/services", openapi.CreateExample, "create-cluster"},
		{http.MethodPut, service, `{"Service": {"DesiredCount": 2}}`, "update-service"},
		{http.MethodDelete, service, "", "delete-service"},
		{http.MethodDelete, service + "?recursive=true", "", "read-service"},
	} {
		resp, body := h.do(t, tt.method, tt.target, tt.body)
		got := resp.Header.Get("Server-Timing")
		if resp.StatusCode != http.StatusOK || !timings.MatchString(got) || !strings.Contains(got, ", "+tt.step+";dur=") {
			t.Errorf("%s returned %d with Server-Timing %q: %s", tt.method, resp.StatusCode, got, body)
		}
	}
}
