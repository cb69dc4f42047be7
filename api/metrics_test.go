package api

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"ecs-api/localaws"
)

func TestMetricsCountWhatHappened(t *testing.T) {
	t.Parallel()
	aws := localaws.New(localaws.WithFaults(localaws.Fault{N: 2}))
	h := newHarness(t, aws)
	h.v1().Handle("/{account}/who", handle(h.Server, http.StatusCreated, func(c call, _ none) (string, error) {
		id, err := c.account.AWS.STS.Identity(c.Context())
		return id.Account, err
	})).Methods(http.MethodPut)
	for range 2 {
		h.do(t, http.MethodPut, "/v1/ecs/local/who", "")
	}
	for i := range 100 { // what callers make up
		h.do(t, fmt.Sprintf("M%d", i), fmt.Sprintf("/v1/ecs/p%d", i), "", fmt.Sprintf("%s: t%d", headerToken, i))
		h.do(t, http.MethodGet, fmt.Sprintf("/v1/ecs/account%d/who", i), "")
	}
	_, text := h.do(t, http.MethodGet, "/v1/ecs/metrics", "")
	for _, want := range []string{
		`ecs_api_http_request_duration_seconds_count{method="PUT",route="/v1/ecs/{account}/who",status="201"} 1`,
		`ecs_api_http_request_duration_seconds_count{method="PUT",route="/v1/ecs/{account}/who",status="500"} 1`,
		`ecs_api_http_request_duration_seconds_count{method="other",route="none",status="403"} 100`,
		`ecs_api_http_request_duration_seconds_count{method="GET",route="none",status="405"} 100`,
		`ecs_api_http_requests_in_flight 1`,
		`ecs_api_aws_call_duration_seconds_count{account="local",operation="GetCallerIdentity",result="OK",service="sts"} 1`,
		`ecs_api_aws_call_duration_seconds_count{account="local",operation="GetCallerIdentity",result="AccessDeniedException",service="sts"} 1`,
		`ecs_api_aws_tries_total{account="local",operation="GetCallerIdentity",service="sts"} 2`,
		`go_goroutines `, `process_open_fds `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if made := regexp.MustCompile(`M\d|p\d+"|account\d|t\d+"`).FindString(text); made != "" {
		t.Errorf("a label took a value that a caller made up: %s", made)
	}
}
