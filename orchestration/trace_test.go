package orchestration

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"ecs-api/api/otlptest"
	"ecs-api/localaws"
	"ecs-api/orchestration/saga"
)

// startTrace returns a context of a trace that goes to a collector, and what ends its topmost span, "request".
func startTrace(t *testing.T) (ctx context.Context, c *otlptest.Collector, end func()) {
	t.Helper()
	c = otlptest.NewCollector(t)
	ctx, span := c.Provider(t).Tracer("test").Start(t.Context(), "request")
	return ctx, c, func() { span.End() }
}

// names returns the paths of the spans, sorted, without those of calls to AWS.
func names(spans map[string][]otlptest.Span) []string {
	var all []string
	for path, of := range spans {
		if of[0].Kind == otlp.Span_SPAN_KIND_INTERNAL {
			all = append(all, path)
		}
	}
	slices.Sort(all)
	return all
}

func TestTheStepsOfACreateAreSpans(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New(localaws.Latency(50*time.Millisecond))) // the reads begin before the identity is known: the tags of the namespace have a step of their own
	ctx, c, end := startTrace(t)
	if _, err := w.Create(ctx, wholeService(t, "myclu", "www")); err != nil {
		t.Fatal(err)
	}
	end()
	want := []string{"request"}
	for _, step := range []string{
		"create Cloud Map service", "create cluster", "create log group", "create role", "create role policy", "create secret", "create service", "create task definition",
		"read Cloud Map service", "read cluster", "read credentials", "read identity", "read log group", "read namespace", "read namespace tags", "read role", "read role policy", "read service", "read task definition",
		"update log group", "verify who created it",
	} {
		want = append(want, "request > "+step)
	}
	spans := c.Spans()
	if diff := cmp.Diff(want, names(spans)); diff != "" {
		t.Errorf("spans: %s", diff)
	}
	allBelowSteps(t, w.aws, spans)
}

// allBelowSteps fails the test unless each call to AWS has a span, below that of a step, and all went well.
func allBelowSteps(t *testing.T, aws *localaws.AWS, spans map[string][]otlptest.Span) {
	t.Helper()
	calls := 0
	for path, of := range spans {
		if of[0].Kind == otlp.Span_SPAN_KIND_CLIENT {
			calls += len(of)
			if strings.Count(path, " > ") < 2 {
				t.Errorf("the call %s is not below a step", path)
			}
		}
		for _, span := range of {
			if span.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR {
				t.Errorf("%s has failed, with %s", path, span.Status)
			}
		}
	}
	if made := len(aws.Calls()); calls != made || made == 0 {
		t.Errorf("%d spans of calls to AWS, which were %d", calls, made)
	}
}

func TestTheStepsOfAnUpdateAndADeleteAreSpans(t *testing.T) {
	t.Parallel()
	w := newWorld(t, localaws.New())
	made := w.create(t, wholeService(t, "myclu", "www"))
	update := updateInput(t, `{"Service": {"DesiredCount": 2}, "Tags": [{"Key": "a", "Value": "b"}], "Credentials": {"webserver": {"Name": "other-cred", "SecretString": "{\"username\": \"u\", \"password\": \"p\"}"}}}`, made)
	for _, do := range []func(context.Context) error{
		func(ctx context.Context) error {
			_, err := w.Update(ctx, "myclu", "www", update)
			return err
		},
		func(ctx context.Context) error {
			_, _, err := w.Delete(ctx, "myclu", "www", true)
			return err
		},
	} {
		w.aws.ResetCalls()
		ctx, c, end := startTrace(t)
		if err := do(ctx); err != nil {
			t.Fatal(err)
		}
		end()
		w.wait()
		allBelowSteps(t, w.aws, c.Spans())
	}
}

func TestARollbackIsPartOfTheTrace(t *testing.T) {
	t.Parallel()
	// AWS is down from the last step on, and until the response has been given.
	const value = "s3cret-value"
	aws := localaws.New()
	aws.Inject(localaws.Fault{Service: "ecs", Operation: "CreateService", Effect: localaws.Refuse, Code: "InvalidParameterException", Message: "the value " + value + " is not allowed"},
		localaws.Fault{Service: "iam", Operation: "DeleteRole", Effect: localaws.Down, Times: 20})
	w := newWorld(t, aws)
	ctx, c, end := startTrace(t)
	_, err := w.Create(ctx, wholeService(t, "myclu", "www"))
	if err == nil || !strings.Contains(err.Error(), value) || !strings.Contains(err.Error(), "rolled back in the background") {
		t.Fatalf("got %v", err)
	}
	end()
	w.wait()
	spans := c.Spans()
	code := func(path string) string {
		if len(spans[path]) != 1 {
			t.Fatalf("%d spans %s in %v", len(spans[path]), path, names(spans))
		}
		if s := spans[path][0]; s.Status.GetMessage() == s.Said["error.type"] {
			return s.Said["error.type"]
		}
		return "not one code: " + spans[path][0].String()
	}
	for path, want := range map[string]string{
		"request > create service":    "InvalidParameterException",
		"request > roll back":         "ServiceUnavailable",
		"request > continue rollback": "", // in the background, after the request's span had ended
	} {
		if got := code(path); got != want {
			t.Errorf("%s failed with %q, want %q", path, got, want)
		}
	}
	if len(spans["request > continue rollback > IAM.DeleteRole"]) == 0 || len(spans["request > roll back > IAM.DeleteRole"]) == 0 {
		t.Errorf("spans %v", names(spans))
	}
	background, operation := spans["request > continue rollback"][0], w.group.Operations(t.Context(), "local")[0]
	if background.Said["ecs_api.operation"] != operation.ID || background.EndTimeUnixNano <= spans["request"][0].EndTimeUnixNano {
		t.Errorf("the span of operation %s is %v", operation.ID, background)
	}
	if strings.Contains(c.Text(), value) {
		t.Error("a span holds what AWS quoted")
	}
}

func TestAStepThatPanicsHasAFailedSpan(t *testing.T) {
	t.Parallel()
	ctx, c, end := startTrace(t)
	progress := &saga.Progress{}
	_, err := saga.Named("broken", func(context.Context) (saga.Rollback, error) { panic("s3cret-value") })(saga.WithProgress(ctx, progress))
	end()
	if err == nil || progress.Steps()[0].State != saga.Failed {
		t.Errorf("error %v, steps %+v", err, progress.Steps())
	}
	spans := c.Spans()["request > broken"]
	if len(spans) != 1 || spans[0].Status.GetMessage() != "Internal" || strings.Contains(c.Text(), "s3cret") {
		t.Errorf("spans %v", spans)
	}
}

func TestAStepOutsideATraceCostsNothing(t *testing.T) {
	ctx := context.Background()
	if got := testing.AllocsPerRun(100, func() {
		_, ended := saga.Traced(ctx, "step")
		ended(nil)
	}); got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
}
