package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"golang.org/x/time/rate"

	"ecs-api/api/openapi"
	"ecs-api/api/otlptest"
)

// Words that stand in no other text: a token that is one of English would be found anywhere.
const (
	secretToken = "tok-4f1c9be27d8a40c6"
	secretWord  = "zq7xv-s3cret"
)

// setEnv sets variables for the test, for the program and for OpenTelemetry's SDK, which asks the process. It returns the environment.
func setEnv(t *testing.T, variables map[string]string) func(string) string {
	t.Helper()
	for _, old := range os.Environ() {
		if name, _, _ := strings.Cut(old, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "") // the SDK takes empty ones for none
		}
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
	return func(name string) string {
		if name == "ECS_API_TOKEN" {
			return secretToken
		}
		if strings.HasPrefix(name, "OTEL_") {
			return os.Getenv(name)
		}
		return ""
	}
}

// ask sends a request with the token, in a trace of the caller's own, and returns the status.
func (p program) ask(t *testing.T, method, path, body string, headers ...string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", p.token)
	r.Header.Set("Traceparent", "00-"+callersTrace+"-b7ad6b7169203331-01")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// must is ask for a request that is to succeed.
func (p program) must(t *testing.T, method, path, body string) {
	t.Helper()
	if status := p.ask(t, method, path, body); status != http.StatusOK {
		t.Fatalf("%s %s returned %d", method, path, status)
	}
}

const callersTrace = "0af7651916cd43dd8448eb211c80319c"

// endsWell ends the program and returns what it logged.
func (p program) endsWell(t *testing.T) string {
	t.Helper()
	status, log := p.stop()
	if status != exitOK {
		t.Errorf("exit status %d, log %s", status, log)
	}
	return log
}

func TestALifeOfAServiceIsTraced(t *testing.T) {
	c := otlptest.NewCollector(t)
	p := startLocalIn(t, setEnv(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL}), "-local-pace", documentPace)
	const service = "/local/clusters/myclu/services/www"
	p.must(t, http.MethodPost, "/local/services", openapi.CreateExample)
	p.must(t, http.MethodPut, service, `{"ForceNewDeployment": true}`)
	p.must(t, http.MethodDelete, service+"?recursive=true", "")
	log := p.endsWell(t) // right away: the service is still being torn down

	const (
		create = "POST /v1/ecs/{account}/services"
		update = "PUT /v1/ecs/{account}/clusters/{cluster}/services/{service}"
		remove = "DELETE /v1/ecs/{account}/clusters/{cluster}/services/{service}"
	)
	spans := c.Spans()
	for path, kind := range map[string]otlp.Span_SpanKind{
		create: otlp.Span_SPAN_KIND_SERVER, create + " > create cluster": otlp.Span_SPAN_KIND_INTERNAL, create + " > create cluster > ECS.CreateCluster": otlp.Span_SPAN_KIND_CLIENT,
		create + " > create secret > Secrets Manager.CreateSecret": otlp.Span_SPAN_KIND_CLIENT, create + " > create service > ECS.CreateService": otlp.Span_SPAN_KIND_CLIENT,
		update + " > update service > ECS.UpdateService": otlp.Span_SPAN_KIND_CLIENT, remove + " > delete service > ECS.DeleteService": otlp.Span_SPAN_KIND_CLIENT,
		remove + " > delete service > wait until the tasks have stopped":  otlp.Span_SPAN_KIND_INTERNAL,
		remove + " > delete service > delete cluster > ECS.DeleteCluster": otlp.Span_SPAN_KIND_CLIENT,
	} {
		if len(spans[path]) == 0 || spans[path][0].Kind != kind {
			t.Errorf("%d spans %s, want one of kind %s", len(spans[path]), path, kind)
		}
	}
	for path, all := range spans {
		for _, span := range all {
			if got := fmt.Sprintf("%x", span.TraceId); got != callersTrace {
				t.Errorf("%s is of the trace %s", path, got)
			}
			if below := strings.Contains(path, " > "); !below && (span.Kind != otlp.Span_SPAN_KIND_SERVER || fmt.Sprintf("%x", span.ParentSpanId) != "b7ad6b7169203331") {
				t.Errorf("%s is neither below a span nor a request's", path)
			}
			if span.EndTimeUnixNano < span.StartTimeUnixNano {
				t.Errorf("%s ends before it begins", path)
			}
			if span.Program["service.name"] != "ecs-api" || span.Program["service.version"] != buildVersion().Version || span.Program["host.name"] == "" {
				t.Errorf("the program is %v", span.Program)
			}
		}
	}
	if want := 4; strings.Count(log, "traceId="+callersTrace) != want { // three requests and the operation
		t.Errorf("the log names the trace other than %d times: %s", want, log)
	}
}

func TestTracesAreSentByEachProtocol(t *testing.T) {
	for _, protocol := range []string{"http/protobuf", "http/json", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			c := otlptest.NewCollector(t)
			endpoint := c.URL + "/v1/traces" // as it stands
			if protocol == "grpc" {
				endpoint = c.GRPC
			}
			p := startLocalIn(t, setEnv(t, map[string]string{
				"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_SERVICE_NAME": "my-ecs-api", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
			}))
			p.must(t, http.MethodGet, "/local/clusters", "")
			p.endsWell(t)
			spans := c.Spans()
			list := "GET /v1/ecs/{account}/clusters"
			if len(spans[list]) != 1 || len(spans[list+" > ECS.ListClusters"]) != 1 {
				t.Fatalf("spans %v", spans)
			}
			if program := spans[list][0].Program; program["service.name"] != "my-ecs-api" || program["deployment.environment.name"] != "test" {
				t.Errorf("the program is %v", program)
			}
		})
	}
}

func TestNoSpanHoldsASecret(t *testing.T) {
	c := otlptest.NewCollector(t)
	p := startLocalIn(t, setEnv(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_EXPORTER_OTLP_HEADERS": "authorization=" + secretWord}))
	if p.token != secretToken {
		t.Fatalf("the token is %q", p.token)
	}
	word := regexp.MustCompile(`WORD`)
	asked := 0
	for _, r := range []struct{ method, path, body string }{
		{"POST", "/local/services", openapi.CreateExample},
		{"POST", "/local/services", `{"service": {"servicename": "a", "desiredcount": "WORD"}}`},
		{"POST", "/local/services", `{"service": {"servicename": "b"}, "cluster": {"clustername": "myclu"}, "taskdefinition": {"family": "b", "cpu": "WORD", "memory": "1", "containerdefinitions": [{"name": "b", "image": "WORD", "environment": [{"name": "PASSWORD", "value": "WORD"}]}]}, "credentials": {"b": {"Name": "b", "SecretString": "WORD"}}, "tags": [{"Key": "WORD", "Value": "WORD"}]}`},
		{"PUT", "/local/clusters/myclu/services/www", `{"Credentials": {"webserver": {"Name": "myapp-webserver-cred", "SecretString": "WORD"}}, "Tags": [{"Key": "a", "Value": "WORD"}]}`},
		{"GET", "/local/clusters/myclu/services/www/logs?task=WORD&container=WORD&seq=WORD", ""},
		{"GET", "/local/clusters/WORD/services/WORD?all=true", ""},
		{"DELETE", "/local/clusters/myclu/tasks/WORD?reason=WORD", ""},
		{"POST", "/local/secrets", `{"Name": "WORD", "SecretString": "WORD", "Description": "WORD"}`},
		{"POST", "/local/secrets", `{"Name": "WORD", "SecretString": "WORD"}`},
		{"PUT", "/local/secrets/WORD", `{"Secret": "WORD"}`},
		{"GET", "/local/secrets?WORD=WORD", ""},
		{"DELETE", "/local/secrets/WORD?window=WORD", ""},
		{"POST", "/local/params/WORD", `{"Name": "WORD", "Value": "WORD"}`},
		{"POST", "/local/params/app", `{"Name": "a", "Value": "WORD", "Type": "WORD", "KeyId": "WORD"}`},
		{"PUT", "/local/params/WORD/WORD", `{"Value": "WORD"}`},
		{"GET", "/local/params/WORD/WORD", ""},
		{"GET", "/images?image=https://user:WORD@example.invalid/WORD", ""},
		{"GET", "/WORD/clusters", ""},
		{"GET", "/local/WORD?WORD", ""},
		{"WORD", "/ping", "WORD"},
	} {
		if status := p.ask(t, word.ReplaceAllString(r.method, "ZQ7XV-S3CRET"), word.ReplaceAllString(r.path, secretWord), word.ReplaceAllString(r.body, secretWord), "X-Registry-Auth: "+secretWord, "Authorization: Bearer "+secretWord); status < 500 {
			asked++
		}
	}
	wrong := p.ask(t, http.MethodGet, "/local/clusters", "", "X-Auth-Token: "+secretWord)
	log := p.endsWell(t)
	if asked < 18 || wrong != http.StatusForbidden || len(c.Spans()) < 30 {
		t.Errorf("%d requests had a response, and one with a wrong token with %d; %d kinds of spans", asked, wrong, len(c.Spans()))
	}
	sent := strings.ToLower(c.Text())
	secrets := []string{secretToken, secretWord, "supahman", "dontkryptonitemebro"}
	for _, secret := range secrets {
		if at := strings.Index(sent, secret); at >= 0 {
			t.Errorf("a span holds %q: %q", secret, sent[max(0, at-200):at+len(secret)])
		}
	}
	if strings.Contains(log, "authorization") {
		t.Errorf("the log tells the collector's headers: %s", log)
	}
}

func TestACollectorThatIsDownIsLoggedNowAndThen(t *testing.T) {
	none := httptest.NewServer(http.NotFoundHandler())
	none.Close()
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, strings.Repeat("no! ", 1000))
	}))
	defer refuses.Close()
	never := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else it would not hear of the caller hanging up
		select {
		case <-never:
		case <-r.Context().Done():
		}
	}))
	defer hangs.Close()
	defer close(never)
	for name, variables := range map[string]map[string]string{
		"there is none":           {"OTEL_EXPORTER_OTLP_ENDPOINT": none.URL},
		"it refuses":              {"OTEL_EXPORTER_OTLP_ENDPOINT": refuses.URL},
		"it hangs":                {"OTEL_EXPORTER_OTLP_ENDPOINT": hangs.URL, "OTEL_BSP_EXPORT_TIMEOUT": "20", "OTEL_BSP_MAX_QUEUE_SIZE": "8"},
		"gRPC, and there is none": {"OTEL_EXPORTER_OTLP_ENDPOINT": none.URL, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_BSP_EXPORT_TIMEOUT": "20"},
	} {
		t.Run(name, func(t *testing.T) {
			variables["OTEL_BSP_SCHEDULE_DELAY"], variables["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] = "1", "2"
			p := startLocalIn(t, setEnv(t, variables))
			for range 200 {
				p.must(t, http.MethodGet, "/ping", "")
			}
			p.must(t, http.MethodPost, "/local/services", openapi.CreateExample)
			log := p.endsWell(t)
			if told := strings.Count(log, " WARN  traces "); told < 1 || told > 8 { // the first five, one a minute, and at the end
				t.Errorf("the log tells of it %d times: %s", told, log)
			}
			for line := range strings.Lines(log) {
				if len(line) > 2*maxComplaint {
					t.Errorf("the log has a line of %d bytes: %s", len(line), line)
				}
			}
		})
	}
}

// TestTheLastSpansAreNotWaitedForForEver has a collector that never responds while the program ends.
func TestTheLastSpansAreNotWaitedForForEver(t *testing.T) {
	asked, never := make(chan struct{}, 10), make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		asked <- struct{}{}
		<-never
	}))
	defer hangs.Close()
	defer close(never)
	defer func(before time.Duration) { flushTime = before }(flushTime)
	flushTime = 200 * time.Millisecond
	p := startLocalIn(t, setEnv(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": hangs.URL}))
	p.must(t, http.MethodGet, "/ping", "")
	log := p.endsWell(t) // it does end: that is the test
	if len(asked) != 1 || !strings.Contains(log, "the last spans were not sent: context deadline exceeded") {
		t.Errorf("the collector was asked %d times, and the log says %s", len(asked), log)
	}
}

func TestTracesAreOffUnlessAskedFor(t *testing.T) {
	t.Parallel()
	const collector = "http://localhost:4318"
	tests := []struct {
		name  string
		env   map[string]string
		want  string
		wrong []string
	}{
		{"nothing is set", nil, "", nil},
		{"a collector", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector}, "http/protobuf", nil},
		{"a collector of traces", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://collector/otlp"}, "http/protobuf", nil},
		{"OTLP to the local collector", map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, "http/protobuf", nil},
		{"the SDK is disabled", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "OTEL_SDK_DISABLED": "TRUE"}, "", nil},
		{"the SDK is not disabled", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "OTEL_SDK_DISABLED": "false"}, "http/protobuf", nil},
		{"traces go nowhere", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "OTEL_TRACES_EXPORTER": "none"}, "", nil},
		{"only a name and a sampler", map[string]string{"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_SAMPLER": "always_on"}, "", nil},
		{"only where metrics go", map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": collector}, "", nil},
		{"gRPC", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "OTEL_EXPORTER_OTLP_PROTOCOL": " grpc "}, "grpc", nil},
		{"traces have a protocol of their own", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, "http/json", nil},
		{"another exporter", map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, "", []string{`OTEL_TRACES_EXPORTER is "zipkin": use otlp, or none`}},
		{"an address that is no URL", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "", []string{"OTEL_EXPORTER_OTLP_ENDPOINT must be a URL such as"}},
		{"everything is wrong, and that is reported at once", map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:" + secretWord + "@\x7f", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://", "OTEL_EXPORTER_OTLP_PROTOCOL": "thrift", "OTEL_TRACES_EXPORTER": "console",
		}, "", []string{"OTEL_EXPORTER_OTLP_ENDPOINT must", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must", `PROTOCOL is "thrift": use http/protobuf, http/json or grpc`, `"console"`}},
		{"what is wrong does not matter while it is off", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "x", "OTEL_SDK_DISABLED": "true"}, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // a check waits for AWS's rates
			env := func(name string) string { return tt.env[name] }
			protocol, err := tracesProtocol(env)
			if tt.wrong == nil && (err != nil || protocol != tt.want) {
				t.Errorf("protocol %q, %v; want %q", protocol, err, tt.want)
			}
			var stderr bytes.Buffer
			if status := run(t.Context(), []string{"-local", "-check"}, env, io.Discard, &stderr); (status == exitOK) != (tt.wrong == nil) {
				t.Errorf("exit status %d, %s", status, stderr.String())
			}
			for _, want := range tt.wrong {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("stderr %q lacks %q", stderr.String(), want)
				}
			}
			if strings.Contains(stderr.String(), secretWord) {
				t.Errorf("stderr shows a password: %s", stderr.String())
			}
		})
	}
}

func TestADisabledTracerMakesNoConnection(t *testing.T) {
	for name, variable := range map[string][2]string{"disabled": {"OTEL_SDK_DISABLED", "true"}, "none": {"OTEL_TRACES_EXPORTER", "none"}, "never": {"OTEL_TRACES_SAMPLER", "always_off"}} {
		t.Run(name, func(t *testing.T) {
			c := otlptest.NewCollector(t)
			p := startLocalIn(t, setEnv(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, variable[0]: variable[1]}))
			p.must(t, http.MethodPost, "/local/services", openapi.CreateExample)
			log := p.endsWell(t)
			if named := strings.Contains(log, "traceId"); named != (name == "never") {
				t.Errorf("log %s", log)
			}
			if c.Requests() > 0 {
				t.Errorf("%d requests reached the collector", c.Requests())
			}
		})
	}
}

func TestComplaintsAreFewAndShort(t *testing.T) {
	t.Parallel()
	log := logrus.New()
	var out bytes.Buffer
	log.SetOutput(&out)
	c := &complaints{log: log, often: rate.Sometimes{First: 2, Interval: time.Hour}}
	c.Handle(errors.New(strings.Repeat("x", 10_000)))
	c.Error(errors.New("bad header "+secretWord), "parse headers", "input", secretWord)
	for range 1000 {
		c.Handle(context.Canceled)
	}
	if got := out.String(); strings.Count(got, "\n") != 2 || len(got) > 3*maxComplaint || strings.Contains(got, secretWord) || !strings.Contains(got, "parse headers") {
		t.Errorf("logged %d bytes: %s", len(got), got)
	}
	if skipped := c.skipped.Load(); skipped != 1000 {
		t.Errorf("%d were skipped", skipped)
	}
	out.Reset()
	c = &complaints{log: log, often: rate.Sometimes{First: 1}}
	_, err := os.ReadFile("no-such-certificate.pem")
	c.Error(err, "read tls ca cert file", "file", "no-such-certificate.pem")
	if got := out.String(); !strings.Contains(cmp.Or(got, "nothing"), "read tls ca cert file: open no-such-certificate.pem") {
		t.Errorf("logged %s", got)
	}
}
