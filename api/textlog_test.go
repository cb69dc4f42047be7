package api

import (
	"bytes"
	"net/http"
	"regexp"
	"testing"

	"ecs-api/api/telemetry"
	"ecs-api/localaws"
)

// A request's line has the same fields in both formats.
func TestARequestsLineAsText(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	h := newHarness(t, localaws.New())
	h.Server.log.SetOutput(&out)
	h.Server.log.SetFormatter(telemetry.TextLog{})
	h.do(t, http.MethodGet, base+"/local/clusters", "", headerOnBehalfOf+": jane", headerRequestID+": my-request-1")
	line := regexp.MustCompile(`^\S+ INFO  GET /v1/ecs/local/clusters 200 [0-9.]+ms account=local awsCalls=\d+ bytes=\d+ caller=default onBehalfOf=jane requestId=my-request-1 route=/v1/ecs/\{account\}/clusters\n$`)
	if !line.MatchString(out.String()) {
		t.Errorf("the line is %q", out.String())
	}
}
