package common

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/request"
	"github.com/aws/aws-sdk-go/service/ssm"
	"github.com/google/go-cmp/cmp"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"ecs-api/api/otlptest"
	"ecs-api/localaws"
)

// tracedSession returns a session for the AWS at endpoint, which retries without waiting for long.
func tracedSession(t *testing.T, a Access) *ssm.SSM {
	t.Helper()
	a.Region, a.AccessKeyID, a.SecretKey = "us-east-1", "AKID", "the-secret-key"
	a.Retry = RetryPolicy{Throttled: 3, ThrottledWait: time.Millisecond, Failed: 3, FailedWait: time.Millisecond}
	sess, err := NewSession(a)
	if err != nil {
		t.Fatal(err)
	}
	return ssm.New(sess)
}

func TestACallToAWSIsASpan(t *testing.T) {
	respond := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-Requestid", "id-"+code)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"__type":"` + code + `","message":"the value s3cret-value is not allowed"}`))
		}
	}
	lost := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	call := func(more map[string]string) map[string]string {
		all := map[string]string{"rpc.system": "aws-api", "rpc.service": "SSM", "rpc.method": "PutParameter", "cloud.region": "us-east-1"}
		for key, value := range more {
			all[key] = value
		}
		return all
	}
	refused := func(code string) map[string]string {
		return map[string]string{"aws.request_id": "id-" + code, "http.response.status_code": "400", "error.type": code}
	}
	for _, tt := range []struct {
		name   string
		do     []http.HandlerFunc // what becomes of each try
		want   map[string]string
		tries  []map[string]string // those that failed
		status *otlp.Status
	}{
		{"a success", []http.HandlerFunc{respond(200, "")}, call(map[string]string{"aws.request_id": "id-", "http.response.status_code": "200"}), nil, &otlp.Status{}},
		{
			"throttled, then a success", []http.HandlerFunc{respond(400, "ThrottlingException"), respond(200, "")},
			call(map[string]string{"aws.request_id": "id-", "http.response.status_code": "200", "http.request.resend_count": "1"}),
			[]map[string]string{refused("ThrottlingException")}, &otlp.Status{},
		},
		{
			"refused", []http.HandlerFunc{respond(400, "ValidationException")}, call(refused("ValidationException")),
			[]map[string]string{refused("ValidationException")}, &otlp.Status{Code: otlp.Status_STATUS_CODE_ERROR, Message: "ValidationException"},
		},
		{
			"not there, which may be what the caller wanted to know", []http.HandlerFunc{respond(400, "ParameterNotFound")}, call(refused("ParameterNotFound")),
			[]map[string]string{refused("ParameterNotFound")}, &otlp.Status{},
		},
		{
			"the response was lost, then it was refused", []http.HandlerFunc{lost, respond(400, "AccessDeniedException")},
			call(map[string]string{"aws.request_id": "id-AccessDeniedException", "http.response.status_code": "400", "error.type": "AccessDeniedException", "http.request.resend_count": "1"}),
			[]map[string]string{{"error.type": "RequestError"}, refused("AccessDeniedException")}, &otlp.Status{Code: otlp.Status_STATUS_CODE_ERROR, Message: "AccessDeniedException"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n++; tt.do[n-1](w, r) }))
			defer server.Close()
			c := otlptest.NewCollector(t)
			ctx, above := c.Provider(t).Tracer("test").Start(t.Context(), "above")
			_, _ = tracedSession(t, Access{Endpoint: server.URL}).PutParameterWithContext(ctx, &ssm.PutParameterInput{Name: aws.String("/org/s3cret-name"), Value: aws.String("s3cret-value")})
			above.End()
			spans := c.Spans()["above > SSM.PutParameter"]
			if len(spans) != 1 || n != len(tt.do) {
				t.Fatalf("%d spans of %d tries", len(spans), n)
			}
			got := spans[0]
			if diff := cmp.Diff(tt.want, got.Said); diff != "" {
				t.Errorf("attributes: %s", diff)
			}
			if diff := cmp.Diff(tt.tries, got.Tries); diff != "" {
				t.Errorf("events: %s", diff)
			}
			if got.Kind != otlp.Span_SPAN_KIND_CLIENT || got.Status.GetCode() != tt.status.Code || got.Status.GetMessage() != tt.status.Message {
				t.Errorf("kind %s, status %s", got.Kind, got.Status)
			}
			if text := c.Text(); strings.Contains(text, "s3cret") || strings.Contains(text, "the-secret-key") {
				t.Errorf("a span holds what was sent: %q", text)
			}
		})
	}
}

func TestAssumingARoleIsASpanBelowTheCallThatNeedsIt(t *testing.T) {
	c := otlptest.NewCollector(t)
	ctx, above := c.Provider(t).Tracer("test").Start(t.Context(), "above")
	client := tracedSession(t, Access{Transport: localaws.New().Transport(), RoleARN: "arn:aws:iam::123456789012:role/ecs-api", ExternalID: "s3cret-id"})
	for range 2 {
		if _, err := client.GetParametersByPathWithContext(ctx, &ssm.GetParametersByPathInput{Path: aws.String("/org/app")}); err != nil {
			t.Fatal(err)
		}
	}
	above.End()
	spans := c.Spans()
	if calls, roles := spans["above > SSM.GetParametersByPath"], spans["above > SSM.GetParametersByPath > STS.AssumeRole"]; len(calls) != 2 || len(roles) != 1 || len(spans) != 3 {
		t.Errorf("spans %v", spans)
	}
	if strings.Contains(c.Text(), "s3cret") {
		t.Error("a span holds the external id")
	}
}

func TestACallThatOurOwnLimiterRefusesIsASpan(t *testing.T) {
	c := otlptest.NewCollector(t)
	ctx, above := c.Provider(t).Tracer("test").Start(t.Context(), "above")
	client := limited(t, localaws.New(), Limit{1, 0.0001})
	for range 2 {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		_ = listServices(ctx, client)
		cancel()
	}
	above.End()
	spans := c.Spans()["above > ECS.ListServices"]
	if len(spans) != 2 || spans[1].Said["error.type"] != "Throttled" || spans[1].Said["aws.request_id"] != "" {
		t.Errorf("spans %v", spans)
	}
}

func TestACallOutsideATraceCostsNothing(t *testing.T) {
	var handlers request.Handlers
	traceCalls(&handlers)
	r := &request.Request{HTTPRequest: httptest.NewRequest(http.MethodPost, "/", nil), HTTPResponse: &http.Response{}}
	r.SetContext(t.Context())
	if got := testing.AllocsPerRun(100, func() {
		handlers.Validate.Run(r)
		handlers.CompleteAttempt.Run(r)
		handlers.Complete.Run(r)
	}); got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
}
