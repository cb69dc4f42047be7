package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"ecs-api/api/openapi"
	"ecs-api/api/otlptest"
	"ecs-api/common"
	"ecs-api/localaws"
)

// A caller's own trace, and one that the caller does not record.
const (
	callersTrace    = "0af7651916cd43dd8448eb211c80319c"
	recordedTrace   = "Traceparent: 00-" + callersTrace + "-b7ad6b7169203331-01"
	unrecordedTrace = "Traceparent: 00-" + callersTrace + "-b7ad6b7169203331-00"
)

// newTracedHarness is newHarness for a server whose traces go to the collector.
func newTracedHarness(t testing.TB, aws *localaws.AWS, c *otlptest.Collector) *harness {
	t.Helper()
	return newHarnessOf(t, aws, Options{Config: testConfig(t, aws), Retry: common.RetryPolicy{Failed: 1, FailedWait: 1}, Traces: c.Provider(t)})
}

func TestARequestIsASpan(t *testing.T) {
	t.Parallel()
	ok := &otlp.Status{}
	for _, tt := range []struct {
		name, method, target, body string
		headers                    []string
		span                       string
		want                       map[string]string
		status                     *otlp.Status
	}{
		{
			"a read", "GET", "/v1/ecs/local/taskdefs?prefix=s3cret", "", nil, "GET /v1/ecs/{account}/taskdefs",
			map[string]string{"http.request.method": "GET", "http.route": "/v1/ecs/{account}/taskdefs", "http.response.status_code": "200", "ecs_api.account": "local", "ecs_api.caller": "default", "ecs_api.aws_calls": "2"}, ok,
		},
		{
			"one that AWS refuses, in words that quote a value", "POST", "/v1/ecs/local/params/s3cret-prefix", `{"Name": "s3cret-name", "Value": "s3cret-value"}`, nil, "POST /v1/ecs/{account}/params/{prefix}",
			map[string]string{"http.request.method": "POST", "http.route": "/v1/ecs/{account}/params/{prefix}", "http.response.status_code": "500", "error.type": "AccessDeniedException", "ecs_api.account": "local", "ecs_api.caller": "default", "ecs_api.aws_calls": "1"},
			&otlp.Status{Code: otlp.Status_STATUS_CODE_ERROR, Message: "AccessDeniedException"},
		},
		{
			"no token", "GET", "/v1/ecs/local/clusters", "", []string{"X-Auth-Token: s3cret-token"}, "GET",
			map[string]string{"http.request.method": "GET", "http.response.status_code": "403", "error.type": "Forbidden", "ecs_api.aws_calls": "0"}, ok,
		},
		{
			"a path that nobody serves", "GET", "/v1/ecs/s3cret/x", "", nil, "GET",
			map[string]string{"http.request.method": "GET", "http.response.status_code": "404", "error.type": "NotFound", "ecs_api.caller": "default", "ecs_api.aws_calls": "0"}, ok,
		},
		{
			"a made-up method", "S3CRET", "/v1/ecs/ping", "", nil, "HTTP",
			map[string]string{"http.request.method": "_OTHER", "http.response.status_code": "405", "error.type": "MethodNotAllowed", "ecs_api.aws_calls": "0"}, ok,
		},
		{
			"a panic", "GET", "/v1/ecs/panic", "", nil, "GET /v1/ecs/panic",
			map[string]string{"http.request.method": "GET", "http.route": "/v1/ecs/panic", "http.response.status_code": "500", "error.type": "Internal", "ecs_api.caller": "default", "ecs_api.aws_calls": "0"},
			&otlp.Status{Code: otlp.Status_STATUS_CODE_ERROR, Message: "Internal"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := otlptest.NewCollector(t)
			aws := localaws.New()
			aws.Inject(localaws.Fault{Service: "ssm", Times: -1, Code: "AccessDeniedException", Message: "s3cret-value is not allowed"})
			h := newTracedHarness(t, aws, c)
			h.v1().Handle("/panic", handle(h.Server, http.StatusOK, func(call, none) (none, error) { panic("s3cret-value") })).Methods(http.MethodGet)
			h.do(t, tt.method, tt.target, tt.body, append(tt.headers, headerRequestID+": id-1", recordedTrace)...)
			spans := c.Spans()[tt.span]
			if len(spans) != 1 {
				t.Fatalf("spans %v", c.Spans())
			}
			tt.want["ecs_api.request_id"] = "id-1"
			if diff := cmp.Diff(tt.want, spans[0].Said); diff != "" {
				t.Error(diff)
			}
			if s := spans[0]; s.Kind != otlp.Span_SPAN_KIND_SERVER || s.Status.GetCode() != tt.status.Code || s.Status.GetMessage() != tt.status.Message || len(s.Events) > 0 {
				t.Errorf("the span is %v", s)
			}
			if strings.Contains(strings.ToLower(c.Text()), "s3cret") || strings.Contains(c.Text(), testToken) {
				t.Errorf("a span holds what was sent: %q", c.Text())
			}
			if !strings.Contains(h.log.String(), `"traceId":"`+callersTrace+`"`) {
				t.Errorf("the log does not name the trace: %s", h.log)
			}
		})
	}
}

func TestATraceThatTheCallerDoesNotRecordIsOnlyNamed(t *testing.T) {
	t.Parallel()
	c := otlptest.NewCollector(t)
	h := newTracedHarness(t, localaws.New(), c)
	if resp, body := h.do(t, http.MethodPost, "/v1/ecs/local/services", openapi.CreateExample, unrecordedTrace); resp.StatusCode != http.StatusOK {
		t.Fatalf("got %d %s", resp.StatusCode, body)
	}
	if len(c.Spans()) > 0 || !strings.Contains(h.log.String(), `"traceId":"`+callersTrace+`"`) {
		t.Errorf("spans %v, log %s", c.Spans(), h.log)
	}
}

func TestBackgroundWorkNamesItsTraceInTheLog(t *testing.T) {
	t.Parallel() // it waits more than it works
	c := otlptest.NewCollector(t)
	h := newTracedHarness(t, localaws.New(), c)
	for _, method := range []string{http.MethodPost, http.MethodDelete} {
		target, body := "/v1/ecs/local/services", openapi.CreateExample
		if method == http.MethodDelete {
			target, body = "/v1/ecs/local/clusters/myclu/services/www?recursive=true", ""
		}
		if resp, text := h.do(t, method, target, body, recordedTrace); resp.StatusCode != http.StatusOK {
			t.Fatalf("got %d %s", resp.StatusCode, text)
		}
	}
	h.Shutdown(t.Context())
	for line := range strings.Lines(h.log.String()) {
		var got struct{ Msg, TraceID string }
		if err := json.Unmarshal([]byte(line), &got); err != nil || got.TraceID != callersTrace {
			t.Errorf("logged %s", line)
		}
	}
	above := "DELETE /v1/ecs/{account}/clusters/{cluster}/services/{service} > delete service"
	spans := c.Spans()
	if len(spans[above+" > read what belongs to the service"]) != 1 || len(spans[above+" > delete cluster > ECS.DeleteCluster"]) != 1 {
		t.Errorf("spans %v", spans)
	}
}

func TestAReadThatWasSharedSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		spans := tracetest.NewSpanRecorder()
		h, g := newInProcessHarness(t, localaws.New(), Options{Traces: sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))}), newGate()
		g.routes(h)
		first, second := h.read(t.Context(), gatePath), h.read(t.Context(), gatePath)
		synctest.Wait() // both wait for one read
		close(g.open)
		<-first
		<-second
		shared, all := 0, 0
		for _, span := range spans.Ended() {
			if span.Name() != "GET /v1/ecs/{account}/gate" {
				continue
			}
			all++
			if slices.Contains(span.Attributes(), attribute.Bool("ecs_api.shared", true)) {
				shared++
			}
		}
		if all != 2 || shared != 1 {
			t.Errorf("%d of %d spans say that they were shared", shared, all)
		}
	})
}
